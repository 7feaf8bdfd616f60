import { sharedServer } from "../servers/shared.js";
import type { BrokerDriver } from "./driver.js";
import { commonPlace } from "./place.js";

/** On AMQP every message is a message: there is nothing that could be foreign. */
export const amqpBroker: BrokerDriver = {
  name: "amqp",
  server: "rabbitmq",
  results: "rpc-amqp",
  secret: "guest:guest",
  prepare: async (given) => {
    const server = given ?? (await sharedServer("rabbitmq"));
    return commonPlace(server.url, server);
  },
};

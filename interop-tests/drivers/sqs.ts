import {
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { sqsName } from "../../src/brokers/sqs/names.js";
import { sqsEndpoint } from "../../src/brokers/sqs/url.js";
import { sharedServer } from "../servers/shared.js";
import type { BrokerDriver, Place } from "./driver.js";
import { uniqueName } from "./place.js";

export const sqsBroker: BrokerDriver = {
  name: "sqs",
  server: "sqs",
  results: "redis",
  secret: "cret-key",
  // ElasticMQ takes any key.
  bad: { password: null },
  prepare: async (given) => {
    const server = given ?? (await sharedServer("sqs"));
    // Queues of one place have a name of their own in common; the dot becomes a dash there.
    const prefix = `${uniqueName("t")}.`;
    const transportOptions = {
      region: "us-east-1",
      queue_name_prefix: prefix,
      // A request that waits cannot be taken back: everything that closes waits for its end.
      wait_time_seconds: 1,
    };
    const place: Place = {
      url: server.url,
      transportOptions,
      python: { url: server.url, transportOptions: { ...transportOptions, polling_interval: 0.02 } },
      server,
      close: () => withSqs(place, removeQueues(prefix)),
    };
    return place;
  },
  // Kombu takes whatever has properties for an envelope.
  poison: (place, queue) =>
    withSqs(place, async (client) => {
      const name = sqsName(queue, String(place.transportOptions["queue_name_prefix"]));
      const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }));
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"body": "no envelope", "properties": {}}' }));
    }),
};

/** Looks at a place past all drivers. */
export async function withSqs<T>(
  { url, transportOptions }: Pick<Place, "url" | "transportOptions">,
  use: (client: SQSClient) => Promise<T>,
): Promise<T> {
  const { endpoint, credentials } = sqsEndpoint(url, transportOptions["is_secure"] === true);
  const client = new SQSClient({
    region: String(transportOptions["region"]),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
  });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

const removeQueues =
  (prefix: string) =>
  async (client: SQSClient): Promise<void> => {
    const { QueueUrls = [] } = await client.send(
      new ListQueuesCommand({ QueueNamePrefix: prefix.replaceAll(".", "-") }),
    );
    for (const QueueUrl of QueueUrls) await client.send(new DeleteQueueCommand({ QueueUrl }));
  };

import type { BackendDriver, BrokerDriver } from "./driver.js";
import { localPlace, uniqueName } from "./place.js";

const prepare = (): ReturnType<typeof localPlace> => localPlace(`memory://${uniqueName("test")}`);

export const memoryBroker: BrokerDriver = {
  name: "memory",
  server: null,
  results: "memory",
  prepare,
  bad: { option: null },
};
export const memoryBackend: BackendDriver = { name: "memory", server: null, prepare };
export const disabledBackend: BackendDriver = {
  name: "disabled",
  server: null,
  prepare: () => localPlace("disabled://"),
};

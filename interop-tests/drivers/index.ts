import * as backendList from "./backends.js";
import * as brokerList from "./brokers.js";
import type { BackendDriver, BrokerDriver } from "./driver.js";

export type { BackendDriver, BrokerDriver, Place } from "./driver.js";
export { backendOptions, brokerOptions, openBrokerAt, pythonSettings, uniqueName } from "./place.js";

/** The drivers under test, from the two lists beside this file. `DRIVERS=redis,amqp` narrows all suites. */
const wanted = process.env.DRIVERS?.split(",").map((name) => name.trim());
// `rpc` alone stands for rpc over any broker.
const selected = ({ name }: { name: string }): boolean =>
  !wanted || wanted.includes(name) || (name.startsWith("rpc-") && wanted.includes("rpc"));

const allBrokers: readonly BrokerDriver[] = Object.values(brokerList);
const allBackends: readonly BackendDriver[] = Object.values(backendList);

export const brokers: readonly BrokerDriver[] = allBrokers.filter(selected);
export const backends: readonly BackendDriver[] = allBackends.filter(selected);

export function brokerNamed(name: string): BrokerDriver {
  const driver = allBrokers.find((one) => one.name === name);
  if (!driver) throw new Error(`no broker driver ${name} in interop-tests/drivers/brokers.ts`);
  return driver;
}

/** Every pair that a Python process can share with us: all brokers times all backends that fit them. */
export const pairs: readonly { readonly broker: BrokerDriver; readonly backend: BackendDriver }[] = brokers
  .filter(({ name }) => name !== "memory")
  .flatMap((broker) =>
    backends
      .filter(({ name }) => name !== "memory" && name !== "disabled")
      .filter(({ over }) => over === undefined || over === broker.name)
      .map((backend) => ({ broker, backend })),
  );

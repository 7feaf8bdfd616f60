import * as backendList from "../drivers/backends.js";
import * as brokerList from "../drivers/brokers.js";
import type { BackendDriver, BrokerDriver } from "../drivers/driver.js";
import { rpcOver } from "../drivers/rpc.js";

/** A column of the matrix: a result backend, or rpc, which goes through the broker of its row. */
export interface Column {
  readonly name: string;
  over(broker: BrokerDriver): BackendDriver;
}

/** What no Python process can share with us. */
const inside = new Set(["memory", "disabled"]);

const outside = <T extends { readonly name: string }>(list: Readonly<Record<string, T>>): readonly T[] =>
  Object.values(list).filter(({ name }) => !inside.has(name));

/** Every broker in `interop-tests/drivers/brokers.ts` that another process can reach. */
export const rows: readonly BrokerDriver[] = outside<BrokerDriver>(brokerList);

/** Every result backend in `interop-tests/drivers/backends.ts` that another process can reach, and rpc once. */
export const columns: readonly Column[] = [
  ...outside<BackendDriver>(backendList)
    .filter(({ over }) => over === undefined)
    .map((backend) => ({ name: backend.name, over: () => backend })),
  // Over every broker, although the list names few: whether a broker carries answers is what the matrix finds out.
  { name: "rpc", over: ({ name, server }) => rpcOver(name, server) },
];

/** `DRIVERS=redis,amqp` narrows a run; a page is written of whole runs only. */
const wanted = process.env.DRIVERS?.split(",").map((name) => name.trim());
const selected = ({ name }: { readonly name: string }): boolean => !wanted || wanted.includes(name);

export const isWhole = wanted === undefined;
export const selectedRows = rows.filter(selected);
export const selectedColumns = columns.filter(selected);

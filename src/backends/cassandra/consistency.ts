import { ImproperlyConfigured } from "../../errors.js";

/** Python's names (`cassandra.ConsistencyLevel`) and what stands for them in the protocol. */
const LEVELS: ReadonlyMap<string, number> = new Map([
  ["ANY", 0],
  ["ONE", 1],
  ["TWO", 2],
  ["THREE", 3],
  ["QUORUM", 4],
  ["ALL", 5],
  ["LOCAL_QUORUM", 6],
  ["EACH_QUORUM", 7],
  ["SERIAL", 8],
  ["LOCAL_SERIAL", 9],
  ["LOCAL_ONE", 10],
]);

/** For the server's own tables, which every node has for itself. */
export const ONE = 1;
const LOCAL_QUORUM = 6;

/**
 * The level of a name, `LOCAL_QUORUM` when there is none. A name that is unknown means LOCAL_QUORUM to Celery, silently;
 * here it is refused, because who wrote it wanted something else.
 *
 * @throws ImproperlyConfigured with the list of names
 */
export function consistencyLevel(setting: string, name: unknown): number {
  if (name === undefined || name === null || name === "") return LOCAL_QUORUM;
  const level = typeof name === "string" ? LEVELS.get(name) : undefined;
  if (level === undefined)
    throw new ImproperlyConfigured(`${setting} is ${JSON.stringify(name)}; known are ${[...LEVELS.keys()].join(", ")}`);
  return level;
}

import { ImproperlyConfigured } from "../errors.js";
import { assertParts } from "../util/parts.js";
import type { Parts } from "../util/parts.js";
import { checkRegistration, unknownScheme } from "../util/schemes.js";
import { schemeOf } from "../util/url.js";
import type { Backend, BackendOptions, OpenBackend } from "./backend.js";

/** Loads a driver's module when its scheme is first used. */
export type LoadBackend = () => Promise<{ readonly default: OpenBackend }>;

const database: LoadBackend = () => import("./database/index.js");

const drivers = new Map<string, LoadBackend>([
  ["redis", () => import("./redis/index.js")],
  ["rediss", () => import("./redis/index.js")],
  ["redis+socket", () => import("./redis/index.js")],
  ["sentinel", () => import("./redis/index.js")],
  ["rpc", () => import("./rpc/index.js")],
  ["cassandra", () => import("./cassandra/index.js")],
  ["db", database],
  ["database", database],
  ["db+postgresql", database],
  ["db+mysql", database],
  ["db+mariadb", database],
  ["db+sqlite", database],
  ["file", () => import("./file/index.js")],
  ["memory", () => import("./memory/index.js")],
  ["cache+memory", () => import("./memory/index.js")],
  ["disabled", () => import("./disabled/index.js")],
]);

const parts: Parts<Backend> = {
  scheme: "string",
  displayUrl: "string",
  capabilities: "object",
  replyTo: "text or null",
  expect: "function",
  store: "function",
  load: "function",
  watch: "function",
  forget: "function",
  saveGroup: "function",
  loadGroup: "function",
  deleteGroup: "function",
  cleanup: "function",
  close: "function",
};

/**
 * Opens the result backend that a URL names, by its scheme; `rpc` and `disabled` also do without `://`, and an empty
 * text means `disabled`, as in Celery.
 *
 * @throws ImproperlyConfigured for an unknown scheme, with what may have been meant
 */
export async function openBackend(url: string, options: BackendOptions): Promise<Backend> {
  const scheme = url === "" ? "disabled" : schemeOf(url);
  // SQLAlchemy's dialect and driver stand behind the scheme: db+postgresql+psycopg2.
  const load = drivers.get(scheme) ?? drivers.get(/^(db|database)\+/.exec(scheme)?.[1] ?? scheme);
  if (!load) throw unknownScheme("result backend", url, [...drivers.keys()]);
  const { default: open } = await load();
  const what = `the result backend driver for ${scheme}://`;
  if (typeof open !== "function")
    throw new ImproperlyConfigured(`${what} has no function as default export; expected (url, options) => Backend`);
  const backend = open(url, options);
  assertBackend(backend, `what ${what} opens`);
  return backend;
}

/**
 * Makes a driver known under a URL scheme (lower case, without `://`); an existing one is replaced. `load` is called
 * when the scheme is first used.
 *
 * @throws ImproperlyConfigured for what cannot be a scheme, or no function
 */
export function registerBackend(scheme: string, load: LoadBackend): void {
  checkRegistration("registerBackend", scheme, load);
  drivers.set(scheme.toLowerCase(), load);
}

/**
 * Whether an object has all that a result backend needs.
 *
 * @throws ImproperlyConfigured naming what is missing
 */
export function assertBackend(value: unknown, what: string): asserts value is Backend {
  assertParts(what, value, parts);
}

/** The drivers by URL scheme: those of celeriac and those registered since. */
export const knownBackends = (): ReadonlyMap<string, LoadBackend> => drivers;

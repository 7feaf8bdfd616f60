import { ImproperlyConfigured } from "../errors.js";
import { maskUrl, schemeOf } from "../util/url.js";
import type { Backend, BackendOptions, OpenBackend } from "./backend.js";

/** Loads a driver's module when its scheme is first used. */
export type LoadBackend = () => Promise<{ readonly default: OpenBackend }>;

const drivers = new Map<string, LoadBackend>([
  ["redis", () => import("./redis/index.js")],
  ["rediss", () => import("./redis/index.js")],
  ["redis+socket", () => import("./redis/index.js")],
  ["rpc", () => import("./rpc/index.js")],
  ["file", () => import("./file/index.js")],
  ["memory", () => import("./memory/index.js")],
  ["cache+memory", () => import("./memory/index.js")],
  ["disabled", () => import("./disabled/index.js")],
]);

/**
 * Opens the result backend that a URL names, by its scheme; `rpc` and `disabled` also do without `://`, and an empty
 * text means `disabled`, as in Celery.
 *
 * @throws ImproperlyConfigured for an unknown scheme, naming the known ones
 */
export async function openBackend(url: string, options: BackendOptions): Promise<Backend> {
  const scheme = url === "" ? "disabled" : schemeOf(url);
  const load = drivers.get(scheme);
  if (!load)
    throw new ImproperlyConfigured(
      `no result backend is called "${scheme}" (${maskUrl(url)}); known are ${[...drivers.keys()].join(", ")}`,
    );
  const { default: open } = await load();
  return open(url, options);
}

/** Adds a driver for a URL scheme, or replaces one. */
export function registerBackend(scheme: string, load: LoadBackend): void {
  drivers.set(scheme.toLowerCase(), load);
}

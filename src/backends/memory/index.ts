import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Backend, BackendOptions } from "../backend.js";
import { keyValueBackend } from "../key-value/key-value-backend.js";
import { MemoryStore } from "./store.js";

/** Results kept when `max_results` says nothing else. */
const MAX_RESULTS = 100_000;

/**
 * Results in this process, for tests and for programs that are client and worker at once: `memory://` or, told apart
 * by name, `memory://name` (also `cache+memory://`, Celery's own spelling). Backends of the same name share their
 * results, also after one is closed.
 *
 * The transport option `max_results` (100000) limits their number: the least recently written goes first.
 *
 * @throws ImproperlyConfigured when `max_results` is not a positive whole number
 */
export default function open(url: string, options: BackendOptions): Backend {
  const limit = options.transportOptions["max_results"] ?? MAX_RESULTS;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1)
    throw new ImproperlyConfigured(`max_results is ${JSON.stringify(limit)}; expected a whole number, at least 1`);
  const name = /:\/\/([^/?#]*)/.exec(url)?.[1] ?? "";
  let store = stores.get(name);
  if (!store) stores.set(name, (store = new MemoryStore()));
  store.limit = limit;
  return keyValueBackend({
    scheme: schemeOf(url),
    displayUrl: maskUrl(url),
    kv: store.connect(),
    options,
  });
}

const stores = new Map<string, MemoryStore>();

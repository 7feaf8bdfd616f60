/**
 * Results in any service that keeps values under keys and speaks HTTP: GET, PUT and DELETE of `<address>/<key>`.
 * `http+kv://host:port/path`, with `user:password@` for basic authentication.
 */
import { ImproperlyConfigured, keyValueBackend, maskUrl, OperationalError, urlParts } from "celeriac/drivers";
import type { Backend, BackendOptions, KeyValue } from "celeriac/drivers";

/** Opens nothing yet: drivers connect when they are first used. */
export default function open(url: string, options: BackendOptions): Backend {
  const { hostname, port = 80, path = "", username = "", password = "" } = urlParts(url);
  if (!hostname) throw new ImproperlyConfigured(`${maskUrl(url)} names no host; expected http+kv://host:port/path`);
  const login = username === "" ? {} : { authorization: `Basic ${btoa(`${username}:${password}`)}` };
  const address = `http://${hostname}:${port}/${path}`.replace(/\/*$/, "/");
  // Keys and documents are Celery's, and so is what may be overwritten: `keyValueBackend` does all of that.
  return keyValueBackend({ scheme: "http+kv", displayUrl: maskUrl(url), kv: httpStore(address, login), options });
}

function httpStore(address: string, login: Readonly<Record<string, string>>): KeyValue {
  /** A service that is away or refuses is an `OperationalError`; `retriable` says whether it may be better later. */
  async function request(
    method: string,
    key: string,
    query = "",
    body: Uint8Array<ArrayBuffer> | null = null,
  ): Promise<Response> {
    const signal = AbortSignal.timeout(5000);
    const asked = fetch(address + encodeURIComponent(key) + query, { method, body, headers: login, signal });
    const answer = await asked.catch((cause: unknown) => {
      throw new OperationalError(`the result store ${address} cannot be reached`, { cause });
    });
    if (answer.ok || answer.status === 404) return answer;
    await answer.body?.cancel();
    const retriable = answer.status >= 500;
    throw new OperationalError(`the result store ${address} answered ${method} with ${answer.status}`, { retriable });
  }

  const get = async (key: string): Promise<Uint8Array | null> => {
    const answer = await request("GET", key);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return answer.ok ? bytes : null;
  };
  return {
    get,
    // As many as can be asked for at once; a service that answers several keys in one request would do better.
    batch: 20,
    getMany: (keys) => Promise.all(keys.map(get)),
    set: async (key, value, ttl) => {
      const query = ttl === null ? "" : `?ttl=${ttl}`;
      await (await request("PUT", key, query, new Uint8Array(value))).arrayBuffer();
    },
    remove: async (key) => void (await (await request("DELETE", key)).arrayBuffer()),
    close: async () => undefined,
  };
}

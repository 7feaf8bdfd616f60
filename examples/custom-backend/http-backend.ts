/**
 * Results in any service that keeps values under keys and speaks HTTP: GET, PUT and DELETE of `<address>/<key>`.
 * `http+kv://host:port/path`, with `user:password@` for basic authentication.
 */
import { Agent, request } from "node:http";
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

function httpStore(address: string, headers: Readonly<Record<string, string>>): KeyValue {
  // Thousands may be stored or asked for at once: all but so many wait here.
  const agent = new Agent({ maxSockets: 16 });

  /** The value, or null when there is none. A service that is away or refuses is an `OperationalError`. */
  const ask = (method: string, key: string, query = "", body?: Uint8Array): Promise<Uint8Array | null> =>
    new Promise((resolve, reject) => {
      const fail = (why: string, retriable: boolean, cause?: unknown): void =>
        reject(new OperationalError(`${method} at the result store ${address}: ${why}`, { retriable, cause }));
      const url = address + encodeURIComponent(key) + query;
      const asked = request(url, { method, headers, agent, timeout: 5000 }, (answer) => {
        const { statusCode = 0 } = answer;
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", (error) => fail(error.message, true, error));
        answer.on("end", () => {
          if (statusCode === 404) resolve(null);
          else if (statusCode < 300) resolve(Buffer.concat(chunks));
          // `retriable` says whether the same call may succeed later.
          else fail(`answered with ${statusCode}`, statusCode >= 500);
        });
      });
      asked.on("timeout", () => asked.destroy(new Error("no answer within 5 seconds")));
      asked.on("error", (error) => fail(error.message, true, error));
      asked.end(body);
    });

  return {
    get: (key) => ask("GET", key),
    // A service that answers several keys in one request would do better.
    getMany: (keys) => Promise.all(keys.map((key) => ask("GET", key))),
    set: async (key, value, ttl) => void (await ask("PUT", key, ttl === null ? "" : `?ttl=${ttl}`, value)),
    remove: async (key) => void (await ask("DELETE", key)),
    close: async () => agent.destroy(),
  };
}

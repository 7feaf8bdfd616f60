import { CeleryError, EncodeError } from "../../errors.js";
import { Addresses } from "../../util/lazy-connection.js";
import { Link } from "../../util/redis/link.js";
import type { RedisReply } from "../../util/redis/session.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Backend, BackendOptions } from "../backend.js";
import { keyValueBackend } from "../key-value/key-value-backend.js";
import type { KeyValue } from "../key-value/key-value.js";
import { again, retrying, retryPolicy } from "../retry-policy.js";
import { Commands } from "./commands.js";
import { Subscriber } from "./subscriber.js";
import { redisTarget } from "./target.js";

/** Redis takes no longer string: Celery refuses it before asking. */
const LARGEST = 512 * 1024 * 1024;

/** `KeyValue.add` in one step. KEYS: the key; ARGV: the document, its seconds to live or nothing. */
const ADD = `
local there = redis.call('GET', KEYS[1])
if there then return there end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SETEX', KEYS[1], ARGV[2], ARGV[1]) end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return nil`;

/**
 * Results in Redis, as celery/backends/redis.py keeps them: `SETEX` and `PUBLISH` of the same document in one
 * transaction, on a key and channel of the same name; the first state of a task in one script, whose effect is the same.
 *
 * `redis://[user][:password]@host:6379/db`, `rediss://...?ssl_cert_reqs=required`, `redis+socket:///path?virtual_host=0`,
 * `sentinel://one:26379/0;sentinel://two:26379` with the transport option `master_name`.
 * Transport options: `global_keyprefix`, `retry_policy`, the Sentinel's, and the URL's parameters.
 *
 * Writing is tried again by the retry policy (Celery's: 20 times, once a second), because a finished task's result
 * has no second chance; so is the subscription behind waiting. Everything else fails at once with `OperationalError`.
 *
 * @throws ImproperlyConfigured for a URL or an option that cannot be used
 */
export default function open(url: string, options: BackendOptions): Backend {
  const displayUrl = maskUrl(url);
  const target = redisTarget(url, options);
  const policy = retryPolicy(options.transportOptions["retry_policy"]);
  const closing = new AbortController();
  const { logger } = options;

  const addresses = new Addresses([target.endpoint]);
  const link = new Link(addresses, target.connect, {
    lost: (error) => logger.debug("the connection for commands was lost", { error }),
    rights: RIGHTS,
  });
  const commands = new Commands(link);

  let scripts = true;
  let subscriber: Subscriber | undefined;
  let listening: Link | undefined;

  const kv: KeyValue = {
    async get(key) {
      const [value] = await again(() => commands.run("reading a result", [["get", key]]));
      return bytes(value);
    },
    async getMany(keys) {
      const [values] = await again(() => commands.run("reading results", [["mget", ...keys]]));
      return (values as readonly RedisReply[]).map(bytes);
    },
    async add(key, value, ttl) {
      checkSize(key, value);
      if (scripts)
        try {
          const [there] = await commands.run("writing a result", [["eval", ADD, 1, key, value, ttl ?? ""]]);
          return bytes(there);
        } catch (error) {
          if (!(error instanceof CeleryError && /NOPERM|unknown command/i.test(error.message))) throw error;
          // A user without the right to run scripts reads and writes in two steps, as Python does.
          scripts = false;
        }
      const there = await kv.get(key);
      if (there === null) await kv.set(key, value, ttl);
      return there;
    },
    async set(key, value, ttl) {
      checkSize(key, value);
      const write = ttl === null ? ["set", key, value] : ["setex", key, ttl, value];
      await commands.run("writing a result", [["multi"], write, ["publish", key, value], ["exec"]]);
    },
    async remove(key) {
      await commands.run("removing a result", [["del", key]]);
    },
    persist: (write) =>
      retrying(policy, closing.signal, write, (error, retry) =>
        logger.warn("a result could not be written; trying again", { error, retry }),
      ),
    follow(listener) {
      listening = new Link(addresses, target.connect, {
        payload: (channel, payload) => listener.changed(channel, payload),
        lost: () => subscriber?.lost(),
        rights: RIGHTS,
      });
      subscriber = new Subscriber(listening, listener, { policy, signal: closing.signal, logger });
      return subscriber;
    },
    async close() {
      closing.abort();
      subscriber?.close();
      listening?.end();
      link.end();
    },
  };
  return keyValueBackend({ scheme: schemeOf(url), displayUrl, kv, options });
}

/** For users that lack some. */
const RIGHTS = "results need get, mget, set, setex, del, publish, subscribe, multi on celery-* keys and channels";

function checkSize(key: string, value: Uint8Array): void {
  if (value.length > LARGEST)
    throw new EncodeError(
      `the result for ${key} has ${value.length} bytes; Redis takes at most ${LARGEST}: keep large data elsewhere and return where it is`,
    );
}

const bytes = (reply: RedisReply | undefined): Uint8Array | null => (reply instanceof Uint8Array ? reply : null);

import { ImproperlyConfigured, NotSupported } from "../../errors.js";
import { connectSettings } from "../../util/redis/connection-options.js";
import type { CONNECTION_OPTIONS } from "../../util/redis/connection-options.js";
import { connectDirectly, loadRedis } from "../../util/redis/ioredis.js";
import { Options } from "../../util/redis/options.js";
import { connectToMaster, isSentinelUrl, sentinels } from "../../util/redis/sentinel.js";
import type { Connect, ConnectSettings, Endpoint } from "../../util/redis/session.js";
import { isYes } from "../../util/redis/tls.js";
import { parseRedisUrl } from "../../util/redis/url.js";
import type { RedisUrl, RedisUrlRules } from "../../util/redis/url.js";
import { maskUrl } from "../../util/url.js";
import type { BackendOptions } from "../backend.js";

/** Where results are, and how to get there. */
export interface RedisTarget {
  readonly endpoint: Endpoint;
  readonly settings: ConnectSettings;
  readonly connect: Connect;
}

/** Seconds to wait for a connection, and for an answer (`redis_socket_timeout`), when nothing else is said. */
const CONNECT_TIMEOUT = 5;
const SOCKET_TIMEOUT = 120;
/** Seconds between signs of life. */
const HEALTH_CHECK = 25;

/** Celery's settings of the Redis backend by the connection option that they are. */
const SETTINGS: Readonly<Partial<Record<(typeof CONNECTION_OPTIONS)[number], string>>> = {
  socket_timeout: "redisSocketTimeout",
  socket_connect_timeout: "redisSocketConnectTimeout",
  socket_keepalive: "redisSocketKeepalive",
  retry_on_timeout: "redisRetryOnTimeout",
  max_connections: "redisMaxConnections",
  client_name: "redisClientName",
  health_check_interval: "redisBackendHealthCheckInterval",
  credential_provider: "redisBackendCredentialProvider",
};

/** Query parameters by what redis-py reads them as. */
const NUMBERS = ["socket_timeout", "socket_connect_timeout", "health_check_interval", "max_connections"];
const FLAGS = ["socket_keepalive", "retry_on_timeout"];
const TEXTS = ["client_name"];
/** Parameters of redis-py that mean nothing here. */
const WITHOUT_MEANING = ["protocol", "encoding", "decode_responses"];

/**
 * Celery's Redis URLs (celery/backends/redis.py): `redis://[user][:password]@host:6379/db`,
 * `rediss://...?ssl_cert_reqs=required`, `redis+socket:///path?virtual_host=db`, and
 * `sentinel://one:26379/db;sentinel://two:26379` with the transport option `master_name`. `redis` alone takes
 * everything from the settings `redisHost` and so on. Query parameters win over the rest of the URL, over transport
 * options, over settings.
 *
 * @throws ImproperlyConfigured for what Celery refuses too: a database that is no number, `rediss://` without
 *   `ssl_cert_reqs`, `ssl_*` on `redis://`, unknown parameters
 */
export function redisTarget(url: string, options: BackendOptions): RedisTarget {
  const whole = url.includes("://") ? url : `${url}://`;
  const shown = maskUrl(whole);
  if (/[?&]credential_provider=/.test(url))
    throw new NotSupported(
      `${shown}: credential_provider names a Python class; give a function as redisBackendCredentialProvider ` +
        `instead, which returns {username, password}`,
    );
  const rules = urlRules(options, whole === url);
  const bySentinel = isSentinelUrl(whole);
  const parsed = (bySentinel ? whole.split(";") : [whole]).map((one) => parseRedisUrl(one, rules));
  const [first] = parsed as [RedisUrl];
  const known = new Options(`Redis result option`, {
    ...fromSettings(options),
    ...options.transportOptions,
    ...typed(first, shown),
  });
  const settings = connectSettings(known, {
    connect: CONNECT_TIMEOUT,
    answer: SOCKET_TIMEOUT,
    healthCheck: HEALTH_CHECK,
  });
  const endpoint: Endpoint = { ...first.endpoint, displayUrl: shown };
  const load = (): ReturnType<typeof loadRedis> => loadRedis(options.lib, "the Redis result backend");
  const connect = bySentinel
    ? connectToMaster(load, sentinels(whole, parsed, known, settings.connectTimeout / 1000), settings)
    : connectDirectly(load, settings);
  return { endpoint, settings, connect };
}

function urlRules({ settings = {}, useSsl }: BackendOptions, hasUrl: boolean): RedisUrlRules {
  const own = new Options("setting", settings);
  return {
    defaults: {
      host: own.text("redisHost", "localhost"),
      // Of Sentinels too, as in Celery, which knows of no other default.
      port: own.number("redisPort", 6379),
      // A URL without a database means 0, whatever the setting says.
      db: hasUrl ? 0 : own.number("redisDb", 0),
      username: own.text("redisUsername", undefined),
      password: own.text("redisPassword", undefined),
    },
    replacing: {
      host: ["host"],
      port: ["port"],
      username: ["username"],
      password: ["password"],
      db: ["db", "virtual_host"],
    },
    others: [...NUMBERS, ...FLAGS, ...TEXTS, ...WITHOUT_MEANING],
    remedy: "",
    tls: { useSsl, queryMeansTls: false, verifyMustBeSaid: true },
  };
}

function fromSettings({ settings = {} }: BackendOptions): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [option, setting] of Object.entries(SETTINGS))
    if (settings[setting] !== undefined && settings[setting] !== null) found[option] = settings[setting];
  return found;
}

/** Query parameters as what they stand for; `None` is Python's nothing. */
function typed({ query }: RedisUrl, shown: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    if (value === "None") continue;
    if (TEXTS.includes(name)) found[name] = value;
    if (FLAGS.includes(name)) found[name] = isYes(value);
    if (!NUMBERS.includes(name)) continue;
    if (!(Number(value) >= 0)) throw new ImproperlyConfigured(`${name} of ${shown} is ${value}; expected seconds`);
    found[name] = Number(value);
  }
  return found;
}

import { ImproperlyConfigured, NotSupported } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { connectDirectly, loadRedis } from "../../util/redis/ioredis.js";
import { Options } from "../../util/redis/options.js";
import { connectToMaster, isSentinelUrl, SENTINEL_PORT, sentinels } from "../../util/redis/sentinel.js";
import type { Connect, Endpoint } from "../../util/redis/session.js";
import { parseRedisUrl } from "../../util/redis/url.js";
import type { RedisUrl, RedisUrlRules } from "../../util/redis/url.js";
import { maskUrl } from "../../util/url.js";
import type { BrokerOptions } from "../broker.js";
import type { RedisSettings } from "./settings.js";

/** Where a broker is, and how to get there. */
export interface RedisTarget {
  readonly endpoints: readonly Endpoint[];
  readonly db: number;
  readonly connect: Connect;
}

/** Connection arguments that kombu takes from the query of a broker URL; these mean nothing on Redis. */
const WITHOUT_MEANING = ["connect_timeout", "ssl", "insist", "transport", "login_method", "heartbeat"];

function rules(port: number, useSsl: BrokerOptions["useSsl"]): RedisUrlRules {
  return {
    defaults: { host: "127.0.0.1", port },
    replacing: {
      host: ["hostname"],
      port: ["port"],
      username: ["userid"],
      password: ["password"],
      db: ["virtual_host"],
    },
    others: WITHOUT_MEANING,
    remedy: "; settings such as visibility_timeout belong into brokerTransportOptions",
    tls: { useSsl, queryMeansTls: true, verifyMustBeSaid: false },
  };
}

/**
 * Reads a list of broker URLs separated by `;` (kombu/transport/redis.py): servers that are tried in turn, or
 * `sentinel://` ones, which are asked for the master.
 *
 * @throws ImproperlyConfigured for URLs that cannot be used
 * @throws NotSupported for Python's `credential_provider`
 */
export function redisTarget(url: string, options: BrokerOptions, settings: RedisSettings): RedisTarget {
  const bySentinel = isSentinelUrl(url);
  const parsed = url.split(";").map((one) => parse(one, rules(bySentinel ? SENTINEL_PORT : 6379, options.useSsl)));
  const endpoints = parsed.map(({ endpoint }) => endpoint);
  const [first] = endpoints;
  if (!first) throw new ImproperlyConfigured("the broker URL is empty");
  const load = (): ReturnType<typeof loadRedis> => loadRedis(options.lib, "the Redis broker");
  if (bySentinel) {
    const known = new Options("Redis transport option", options.transportOptions);
    const group = sentinels(url, parsed, known, settings.connection.connectTimeout / 1000);
    tellOfIgnored(url, endpoints, options.logger);
    const master: Endpoint = { ...first, displayUrl: maskUrl(url) };
    return { endpoints: [master], db: first.db, connect: connectToMaster(load, group, settings.connection) };
  }
  if (parsed.some(({ scheme }) => scheme === "sentinel"))
    throw new ImproperlyConfigured(`${maskUrl(url)} mixes servers and Sentinels: name the Sentinels alone`);
  if (endpoints.some((one) => one.db !== first.db && settings.fanoutPrefix.includes("{db}")))
    throw new ImproperlyConfigured(
      `${maskUrl(url)}: all alternates need the same database number, since it is part of the fanout channels`,
    );
  if (options.failoverStrategy === "shuffle") endpoints.sort(() => Math.random() - 0.5);
  return { endpoints, db: first.db, connect: connectDirectly(load, settings.connection) };
}

function parse(url: string, how: RedisUrlRules): RedisUrl {
  if (/[?&]credential_provider=/.test(url))
    throw new NotSupported(
      `${maskUrl(url)}: credential_provider names a Python class; give a function as the transport option ` +
        `credential_provider instead, which returns {username, password}`,
    );
  return parseRedisUrl(url, how);
}

/** Python looks at the first URL only, too, until a connection fails; then at another one. */
function tellOfIgnored(url: string, [first, ...others]: readonly Endpoint[], logger: Logger): void {
  const differs = others.some(
    ({ db, username, password }) =>
      (db !== 0 && db !== first?.db) ||
      (username !== undefined && username !== first?.username) ||
      (password !== undefined && password !== first?.password),
  );
  if (differs)
    logger.warn(`${maskUrl(url)}: database, user and password of the master are those of the first URL; others differ`);
}

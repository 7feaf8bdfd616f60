import { ImproperlyConfigured, OperationalError } from "../../errors.js";
import { schemeOf, maskUrl } from "../url.js";
import { unknownName } from "../unknown-name.js";
import { connectSettings, CONNECTION_OPTIONS } from "./connection-options.js";
import { redisFailure, describe } from "./failure.js";
import { connectRedis } from "./ioredis.js";
import type { RedisClass } from "./ioredis.js";
import { Options } from "./options.js";
import type { Connect, ConnectSettings, Endpoint } from "./session.js";
import { isYes, tlsSettings } from "./tls.js";
import type { RedisUrl } from "./url.js";

/** Transport options of `sentinel://`, under the names of kombu and Celery. */
export const SENTINEL_OPTIONS = ["master_name", "min_other_sentinels", "sentinel_kwargs"] as const;

/** Where a Sentinel listens. */
export const SENTINEL_PORT = 26_379;

/** redis-py's names that mean nothing to a Sentinel or to us, and are no mistake. */
const IGNORED = ["db", "decode_responses", "encoding", "encoding_errors", "protocol", "retry", "retry_on_error"];

/** The Sentinels that know where a master is. */
export interface Sentinels {
  readonly addresses: readonly Endpoint[];
  readonly masterName: string;
  /** How many others a Sentinel has to know, or its answer does not count. */
  readonly minOthers: number;
  readonly settings: ConnectSettings;
}

/**
 * The Sentinels of `sentinel://user:password@one:26379/0;sentinel://two:26379`. Database, user and password are the
 * master's, by the first URL alone; what the Sentinels want stands in `sentinel_kwargs`.
 *
 * @param parsed the URLs between the semicolons
 * @throws ImproperlyConfigured without `master_name`, for other schemes in the list, for options that cannot be used
 */
export function sentinels(url: string, parsed: readonly RedisUrl[], options: Options, connect: number): Sentinels {
  const displayUrl = maskUrl(url);
  const other = parsed.find(({ scheme }) => scheme !== "sentinel");
  if (other)
    throw new ImproperlyConfigured(
      `${displayUrl} mixes sentinel:// and ${other.scheme}://: name the Sentinels alone, each with its sentinel://`,
    );
  const masterName = options.text("master_name", undefined);
  if (!masterName)
    throw new ImproperlyConfigured(
      `${displayUrl} needs the transport option master_name: the name under which the Sentinels know the master`,
    );
  const given = options.record("sentinel_kwargs", 'connection options of the Sentinels, such as {password: "..."}');
  const known = ["username", "password", "ssl", ...CONNECTION_OPTIONS, ...IGNORED];
  for (const name of Object.keys(given))
    if (!known.includes(name) && !name.startsWith("ssl_")) throw unknownName("option in sentinel_kwargs", name, known);
  const own = new Options("option in sentinel_kwargs", given);
  const secure = Object.fromEntries(Object.entries(given).filter(([name]) => name.startsWith("ssl_")));
  const tls = tlsSettings(
    isYes(given["ssl"]) ? "rediss" : "sentinel",
    {},
    {
      useSsl: Object.keys(secure).length > 0 ? secure : isYes(given["ssl"]),
      queryMeansTls: true,
      verifyMustBeSaid: false,
    },
    displayUrl,
  );
  const login = {
    username: own.text("username", undefined),
    password: own.text("password", undefined),
    tls,
    db: 0,
    path: undefined,
  };
  return {
    masterName,
    minOthers: options.number("min_other_sentinels", 0),
    settings: connectSettings(own, { connect, answer: connect, healthCheck: 0 }),
    addresses: parsed.map(({ endpoint: { host, port } }) => ({
      ...login,
      host,
      port,
      displayUrl: `sentinel://${host.includes(":") ? `[${host}]` : host}:${port}`,
    })),
  };
}

export const isSentinelUrl = (url: string): boolean => schemeOf(url) === "sentinel";

/**
 * Connects to whatever the Sentinels say is the master now: they are asked for each connection, so the next one after
 * a failover goes to the new master.
 */
export function connectToMaster(
  load: () => Promise<RedisClass>,
  { addresses, masterName, minOthers, settings: own }: Sentinels,
  settings: ConnectSettings,
): Connect {
  // The one that answered last is asked first, as redis-py does.
  let order = addresses;

  const masterBy = async (RedisClient: RedisClass, sentinel: Endpoint, signal: AbortSignal): Promise<Place> => {
    const session = await connectRedis(RedisClient, sentinel, own, { ended: () => undefined }, signal, "sentinel");
    try {
      return place(await session.call("SENTINEL", "MASTERS"), masterName, minOthers);
    } finally {
      session.destroy();
    }
  };

  return async (endpoint, events, signal) => {
    const RedisClient = await load();
    const failures: { readonly sentinel: Endpoint; readonly error: unknown }[] = [];
    for (const sentinel of order) {
      signal.throwIfAborted();
      let found: Place;
      try {
        found = await masterBy(RedisClient, sentinel, signal);
      } catch (error) {
        failures.push({ sentinel, error });
        continue;
      }
      order = [sentinel, ...order.filter((one) => one !== sentinel)];
      const displayUrl = `${endpoint.displayUrl} (master ${masterName} at ${found.host}:${found.port})`;
      try {
        return await connectRedis(
          RedisClient,
          { ...endpoint, ...found, displayUrl },
          settings,
          events,
          signal,
          "master",
        );
      } catch (error) {
        throw redisFailure("connecting to", displayUrl, error);
      }
    }
    throw new OperationalError(
      `no Sentinel of ${endpoint.displayUrl} knows a master ${JSON.stringify(masterName)}: ` +
        failures.map(({ sentinel, error }) => `${sentinel.displayUrl}: ${describe(error)}${remedy(error)}`).join("; "),
      {
        cause: new AggregateError(failures.map(({ error }) => error)),
        retriable: failures.some(({ error }) => redisFailure("", "", error).retriable),
      },
    );
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** The master's address in the answer to SENTINEL MASTERS: a list of lists of names and values. */
function place(answer: unknown, name: string, minOthers: number): Place {
  const masters = (Array.isArray(answer) ? answer : []).map((one: unknown) => {
    const flat = Array.isArray(one) ? one.map(String) : [];
    return Object.fromEntries(flat.flatMap((key, at) => (at % 2 === 0 ? [[key, flat[at + 1] ?? ""]] : [])));
  }) as Record<string, string>[];
  const state = masters.find((one) => one["name"] === name);
  if (!state)
    throw new OperationalError(
      masters.length === 0
        ? "it watches no master at all"
        : `it knows only ${masters.map((one) => one["name"]).join(", ")}`,
    );
  const flags = (state["flags"] ?? "").split(",");
  const down = flags.filter((flag) => flag === "s_down" || flag === "o_down");
  if (!flags.includes("master") || down.length > 0)
    throw new OperationalError(`it says that the master is down (${flags.join(",")})`);
  const others = Number(state["num-other-sentinels"] ?? 0);
  if (others < minOthers)
    throw new OperationalError(`it knows ${others} other Sentinels, fewer than min_other_sentinels (${minOthers})`);
  return { host: state["ip"] ?? "", port: Number(state["port"]) };
}

const remedy = (error: unknown): string =>
  /^(NOAUTH|WRONGPASS)|without any password/.test(describe(error))
    ? " (give the Sentinels' own user and password as sentinel_kwargs)"
    : "";

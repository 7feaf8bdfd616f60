import { ImproperlyConfigured } from "../errors.js";
import { distance } from "./unknown-name.js";
import { maskUrl, schemeOf } from "./url.js";

/** What is opened by URL. */
export type DriverKind = "broker" | "result backend";

/** Names that people write (SQLAlchemy's, other libraries', words of every day), and the scheme they mean. */
const MEANT: Readonly<Record<DriverKind, Readonly<Record<string, string>>>> = {
  broker: {
    rabbitmq: "amqp",
    rabbit: "amqp",
    rmq: "amqp",
    librabbitmq: "amqp",
    file: "filesystem",
    zk: "zookeeper",
    aws: "sqs",
    amazonsqs: "sqs",
    "redis+sentinel": "sentinel",
    inmemory: "memory",
  },
  "result backend": {
    amqp: "rpc",
    amqps: "rpc",
    pyamqp: "rpc",
    rabbitmq: "rpc",
    filesystem: "file",
    "redis+sentinel": "sentinel",
    cassandra3: "cassandra",
    scylla: "cassandra",
    inmemory: "memory",
    sqlite: "db+sqlite",
    sqlite3: "db+sqlite",
    postgres: "db+postgresql",
    postgresql: "db+postgresql",
    pgsql: "db+postgresql",
    pg: "db+postgresql",
    mysql: "db+mysql",
    mariadb: "db+mariadb",
  },
};

/** What Celery 5.7 and kombu 5.7 have besides. */
const CELERY_ALONE: Readonly<Record<DriverKind, readonly string[]>> = {
  broker: [
    ...["mongodb", "consul", "etcd", "kafka", "confluentkafka", "azurestoragequeues", "azureservicebus", "gcpubsub"],
    ...["qpid", "slmq", "pyro", "sqla", "sqlalchemy", "pgmq"],
  ],
  "result backend": [
    ...["cache", "memcached", "pylibmc", "mongodb", "elasticsearch", "couchbase", "couchdb", "cosmosdbsql", "riak"],
    ...["consul", "dynamodb", "azureblockblob", "arangodb", "s3", "gs"],
  ],
};

const EXAMPLE: Readonly<Record<DriverKind, string>> = {
  broker: "amqp://localhost, redis://localhost",
  "result backend": "redis://localhost, rpc://",
};

/** The error for a URL that no driver is known for: names it, what was probably meant, and what there is. */
export function unknownScheme(kind: DriverKind, url: string, known: readonly string[]): ImproperlyConfigured {
  if (url.trim() === "")
    return new ImproperlyConfigured(`the URL of the ${kind} is empty; expected for example ${EXAMPLE[kind]}`);
  const shown = JSON.stringify(maskUrl(url));
  const list = `known schemes are ${known.join(", ")}`;
  if (!/^[\w+.-]+:\/\//.test(url))
    return new ImproperlyConfigured(`${shown} is not the URL of a ${kind}: it has no scheme://; ${list}`);
  const scheme = schemeOf(url);
  const meant = meantScheme(kind, scheme, known);
  if (meant !== undefined)
    return new ImproperlyConfigured(`no ${kind} is called ${scheme}:// (${shown}): did you mean ${meant}://? ${list}`);
  if (CELERY_ALONE[kind].includes(scheme) || CELERY_ALONE[kind].includes(scheme.split("+", 1)[0] ?? scheme))
    return new ImproperlyConfigured(
      `Celery has the ${kind} ${scheme}://, celeriac does not (${shown}): ${list}; docs/custom-drivers.md says how to write one`,
    );
  return new ImproperlyConfigured(`no ${kind} is called ${scheme}:// (${shown}): ${list}`);
}

/** A known scheme that was probably meant. `driver+dialect` spellings count by their first part. */
function meantScheme(kind: DriverKind, scheme: string, known: readonly string[]): string | undefined {
  const first = scheme.split("+", 1)[0] ?? scheme;
  for (const written of [scheme, first]) {
    const meant = MEANT[kind][written];
    if (meant !== undefined && known.includes(meant)) return meant;
  }
  if (CELERY_ALONE[kind].includes(first)) return undefined;
  return known.find((one) => letters(one) === letters(scheme) || distance(one, scheme) <= (scheme.length > 4 ? 2 : 1));
}

/** Equal for words with swapped letters. */
const letters = (word: string): string => [...word].sort().join("");

/** @throws ImproperlyConfigured when a driver cannot be registered like this */
export function checkRegistration(call: string, scheme: unknown, load: unknown): void {
  if (typeof scheme !== "string" || !/^[a-z][\w+.-]*$/i.test(scheme))
    throw new ImproperlyConfigured(
      `${call}(${JSON.stringify(scheme)}): expected the scheme of a URL, without ://, such as "mine"`,
    );
  if (typeof load !== "function")
    throw new ImproperlyConfigured(
      `${call}(${JSON.stringify(scheme)}): expected a function that loads the driver, such as () => import("./mine.js")`,
    );
}

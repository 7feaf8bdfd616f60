import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, urlParts } from "../../util/url.js";
import type { BackendOptions } from "../backend.js";
import { consistencyLevel } from "./consistency.js";

/** Where the results are and how they are read and written: Celery's `cassandra_*` settings, checked. */
export interface CassandraSettings {
  /** Host names, or null with a secure connect bundle (Astra). */
  readonly contactPoints: readonly string[] | null;
  readonly port: number;
  readonly secureBundle: string | null;
  /** As Python takes it: upper case letters count. */
  readonly keyspace: string;
  readonly table: TableName;
  readonly readConsistency: number;
  readonly writeConsistency: number;
  /** Whole seconds; null keeps results for ever. */
  readonly ttl: number | null;
  readonly login: { readonly username: string; readonly password: string } | null;
  /** Options of the client library, over ours. */
  readonly clientOptions: Readonly<Record<string, unknown>>;
  /** Most bytes of one state: what a server takes by default, unless `max_result_bytes` says otherwise. */
  readonly maxBytes: number;
  /** For messages to people; names no user and no password. */
  readonly displayUrl: string;
}

/** `keyspace.table` as it is written in CQL, and as the server's own tables list it. */
export interface TableName {
  readonly cql: string;
  readonly keyspace: string;
  readonly name: string;
}

const PORT = 9042;
/** Twenty years: the server's own limit. */
const LONGEST_TTL = 630_720_000;
/** Half a commit log segment of 32 MiB, which is also the largest frame of the protocol. */
const LARGEST = 16 * 1024 * 1024;

/**
 * Reads the settings; where they name no servers the URL may do so: `cassandra://user:password@h1,h2:9042/keyspace?table=t`.
 *
 * @throws ImproperlyConfigured when servers, keyspace or table are missing, or a value cannot be used
 */
export function cassandraSettings(url: string, options: BackendOptions): CassandraSettings {
  const settings = options.settings ?? {};
  const place = placeOf(url);
  const text = (name: string): string | null => {
    const value = settings[name];
    if (value === undefined || value === null || value === "") return null;
    if (typeof value !== "string") throw wrong(name, value, "a text");
    return value;
  };
  const servers = serversOf(settings["cassandraServers"]);
  const secureBundle = text("cassandraSecureBundlePath");
  const keyspace = text("cassandraKeyspace") ?? place.keyspace;
  const table = text("cassandraTable") ?? place.table;
  const contactPoints = servers ?? (secureBundle === null ? place.hosts : null);
  if (servers && secureBundle !== null)
    throw new ImproperlyConfigured("cassandraServers and cassandraSecureBundlePath exclude each other: set one");
  if ((!contactPoints && secureBundle === null) || keyspace === null || table === null) {
    const missing = [
      !contactPoints && secureBundle === null && "cassandraServers (or cassandraSecureBundlePath)",
      keyspace === null && "cassandraKeyspace",
      table === null && "cassandraTable",
    ].filter((name) => name !== false);
    throw new ImproperlyConfigured(
      `Cassandra results need ${missing.join(", ")}; or name them in the URL: cassandra://host1,host2:9042/keyspace?table=results`,
    );
  }
  const port = (servers ? null : place.port) ?? settings["cassandraPort"] ?? PORT;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw wrong("cassandraPort", port, "a whole number from 1 to 65535");
  return {
    contactPoints,
    port,
    secureBundle,
    keyspace,
    table: tableName(table, keyspace),
    readConsistency: consistencyLevel("cassandraReadConsistency", settings["cassandraReadConsistency"]),
    writeConsistency: consistencyLevel("cassandraWriteConsistency", settings["cassandraWriteConsistency"]),
    ttl: seconds(settings["cassandraEntryTtl"]),
    login: loginOf(settings) ?? place.login,
    clientOptions: clientOptionsOf(settings["cassandraOptions"]),
    maxBytes: maxBytes(options.transportOptions["max_result_bytes"]),
    displayUrl: contactPoints
      ? `cassandra://${contactPoints.join(",")}:${port}/${keyspace}`
      : `cassandra:///${keyspace}`,
  };
}

interface Place {
  readonly hosts: readonly string[] | null;
  readonly port: number | null;
  readonly keyspace: string | null;
  readonly table: string | null;
  readonly login: CassandraSettings["login"];
}

/** What the URL says, which Celery ignores. */
function placeOf(url: string): Place {
  if (!url.includes("://")) return { hosts: null, port: null, keyspace: null, table: null, login: null };
  const { hostname, port, username, password, path, query } = urlParts(url);
  const unknown = Object.keys(query).filter((name) => name !== "table");
  if (unknown.length > 0)
    throw new ImproperlyConfigured(
      `${maskUrl(url)} has an unknown parameter "${unknown[0]}"; the only one is table, all else are cassandra* settings`,
    );
  if ((username === undefined) !== (password === undefined))
    throw new ImproperlyConfigured(`${maskUrl(url)} must have both a user name and a password, or neither`);
  return {
    hosts: hostname === undefined ? null : hostname.split(","),
    port: port ?? null,
    keyspace: path ?? null,
    table: query["table"] || null,
    login: username === undefined || password === undefined ? null : { username, password },
  };
}

function serversOf(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return null;
  const isText = (one: unknown): one is string => typeof one === "string" && one !== "";
  if (!Array.isArray(value) || !value.every(isText)) throw wrong("cassandraServers", value, "a list of host names");
  return value.length === 0 ? null : value;
}

/** A name in CQL: folded to lower case, or in double quotes as it is. The server allows no other characters either way. */
const TABLE = /^(?:([A-Za-z]\w*|"\w+")\.)?([A-Za-z]\w*|"\w+")$/;

/** Celery puts the name into its statements as it is, so quotes and `keyspace.table` mean there what they mean here. */
function tableName(text: string, keyspace: string): TableName {
  const [matched, prefix, name = ""] = TABLE.exec(text) ?? [];
  if (matched === undefined)
    throw wrong("cassandraTable", text, 'a name such as results, "Results" (quoted) or keyspace.results');
  return { cql: text, keyspace: prefix === undefined ? keyspace : stored(prefix), name: stored(name) };
}

const stored = (name: string): string => (name.startsWith('"') ? name.slice(1, -1) : name.toLowerCase());

function seconds(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > LONGEST_TTL)
    throw wrong("cassandraEntryTtl", value, `whole seconds from 1 to ${LONGEST_TTL}, or null for ever`);
  return value;
}

function loginOf(settings: Readonly<Record<string, unknown>>): CassandraSettings["login"] {
  const provider = settings["cassandraAuthProvider"];
  if (provider === undefined || provider === null || provider === "") return null;
  if (provider !== "PlainTextAuthProvider")
    throw new ImproperlyConfigured(
      `cassandraAuthProvider is ${JSON.stringify(provider)}; here it can only be "PlainTextAuthProvider": ` +
        "hand any other to the client library as cassandraOptions.authProvider",
    );
  const kwargs = settings["cassandraAuthKwargs"];
  const { username, password } = (kwargs ?? {}) as Record<string, unknown>;
  if (typeof username !== "string" || typeof password !== "string")
    throw new ImproperlyConfigured(
      "PlainTextAuthProvider needs cassandraAuthKwargs: { username: ..., password: ... }, both of them texts",
    );
  return { username, password };
}

/** Those of the library's `ClientOptions` that are not made of other settings. */
const CLIENT_OPTIONS: ReadonlySet<string> = new Set([
  ...["localDataCenter", "authProvider", "credentials", "sslOptions", "socketOptions", "pooling", "policies"],
  ...["protocolOptions", "queryOptions", "profiles", "encoding", "maxPrepared", "prepareOnAllHosts", "rePrepareOnUp"],
  ...["isMetadataSyncEnabled", "refreshSchemaDelay", "metrics", "requestTracker", "promiseFactory"],
  ...["id", "applicationName", "applicationVersion", "monitorReporting", "graphOptions"],
]);

function clientOptionsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw wrong("cassandraOptions", value, "an object");
  for (const name of Object.keys(value))
    if (!CLIENT_OPTIONS.has(name))
      throw new ImproperlyConfigured(
        `cassandraOptions.${name} is no option of the npm package cassandra-driver, or one that other settings give ` +
          `(the names of Python's driver mean nothing here); known are ${[...CLIENT_OPTIONS].join(", ")}`,
      );
  return value as Readonly<Record<string, unknown>>;
}

function maxBytes(value: unknown): number {
  if (value === undefined || value === null) return LARGEST;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1)
    throw wrong("max_result_bytes", value, "a whole number of bytes");
  return value;
}

const wrong = (name: string, value: unknown, expected: string): ImproperlyConfigured =>
  new ImproperlyConfigured(`${name} is ${JSON.stringify(value)}; expected ${expected}`);

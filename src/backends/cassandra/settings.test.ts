import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { silentLogger } from "../../util/logger.js";
import type { BackendOptions } from "../backend.js";
import type { CassandraSettings } from "./settings.js";
import { cassandraSettings } from "./settings.js";

const options = (settings: object, transportOptions = {}): BackendOptions => ({
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: 86_400,
  resultPersistent: false,
  transportOptions,
  useSsl: false,
  settings: { ...settings },
  broker: () => Promise.reject(new Error("no broker here")),
});

const enough = { cassandraServers: ["h1", "h2"], cassandraKeyspace: "ks", cassandraTable: "results" };
const read = (settings: object = {}, url = "cassandra://"): CassandraSettings =>
  cassandraSettings(url, options({ ...enough, ...settings }));
const refused = (settings: object, expected: RegExp, url?: string): void =>
  assert.throws(
    () => read(settings, url),
    (error) => error instanceof ImproperlyConfigured && expected.test(error.message),
    `${JSON.stringify(settings)} ${url ?? ""}`,
  );

describe("settings for results in Cassandra", () => {
  it("Celery's settings, with Celery's defaults", () => {
    for (const url of ["cassandra://", "cassandra"]) {
      const { clientOptions, ...settings } = read({}, url);
      assert.deepEqual(clientOptions, {});
      assert.deepEqual(settings, {
        contactPoints: ["h1", "h2"],
        port: 9042,
        secureBundle: null,
        keyspace: "ks",
        table: { cql: "results", keyspace: "ks", name: "results" },
        readConsistency: 6,
        writeConsistency: 6,
        ttl: null,
        login: null,
        maxBytes: 16_777_216,
        displayUrl: "cassandra://h1,h2:9042/ks",
      });
    }
    const other = read({
      cassandraPort: 19042,
      cassandraReadConsistency: "ONE",
      cassandraWriteConsistency: "EACH_QUORUM",
      cassandraEntryTtl: 60,
      cassandraAuthProvider: "PlainTextAuthProvider",
      cassandraAuthKwargs: { username: "u", password: "p" },
    });
    assert.deepEqual(
      [other.port, other.readConsistency, other.writeConsistency, other.ttl, other.login],
      [19042, 1, 7, 60, { username: "u", password: "p" }],
    );
    const bundle = read({ cassandraServers: null, cassandraSecureBundlePath: "/bundle.zip" });
    assert.deepEqual([bundle.contactPoints, bundle.secureBundle], [null, "/bundle.zip"]);
  });

  it("the URL says what the settings do not", () => {
    const url = "cassandra://us%40er:pa%2Fss@one,two:19042/Space?table=t";
    const place = cassandraSettings(url, options({ cassandraPort: 9042, cassandraServers: null }));
    assert.deepEqual(place.contactPoints, ["one", "two"]);
    assert.deepEqual([place.port, place.keyspace, place.table.name], [19042, "Space", "t"]);
    assert.deepEqual(place.login, { username: "us@er", password: "pa/ss" });
    assert.equal(place.displayUrl, "cassandra://one,two:19042/Space");
    // Settings win, because Python sees nothing else.
    const both = read({}, url);
    assert.deepEqual(
      [both.contactPoints, both.port, both.keyspace, both.table.name],
      [["h1", "h2"], 9042, "ks", "results"],
    );
    const noPort = cassandraSettings("cassandra://one/ks?table=t", options({ cassandraPort: 7 }));
    assert.equal(noPort.port, 7);
  });

  it("names of tables mean what they mean in CQL", () => {
    const table = (name: string): unknown => read({ cassandraTable: name }).table;
    assert.deepEqual(table("Results"), { cql: "Results", keyspace: "ks", name: "results" });
    assert.deepEqual(table('"Results"'), { cql: '"Results"', keyspace: "ks", name: "Results" });
    assert.deepEqual(table('Other."T"'), { cql: 'Other."T"', keyspace: "other", name: "T" });
    for (const name of ["a b", "t; DROP TABLE x", "1t", 'a"b', "", ".t", "a.b.c", '""', "t--", '"a b"'])
      assert.throws(() => table(name), ImproperlyConfigured, name);
  });

  it("what is missing is named, all of it", () => {
    refused({ cassandraServers: null }, /cassandraServers.*cassandraSecureBundlePath/);
    refused({ cassandraServers: [], cassandraKeyspace: null, cassandraTable: "" }, /Servers.*Keyspace.*Table/);
    refused({ cassandraSecureBundlePath: "/b.zip" }, /exclude each other/);
  });

  it("what cannot be meant is refused, with what can", () => {
    refused({ cassandraReadConsistency: "local_quorum" }, /local_quorum.*LOCAL_QUORUM/);
    refused({ cassandraWriteConsistency: "MOST" }, /cassandraWriteConsistency.*EACH_QUORUM/);
    refused({ cassandraEntryTtl: 700_000_000 }, /630720000/);
    refused({ cassandraEntryTtl: 1.5 }, /whole seconds/);
    refused({ cassandraPort: 0 }, /cassandraPort/);
    refused({ cassandraServers: [3] }, /list of host names/);
    refused({ cassandraAuthProvider: "SaslAuthProvider" }, /PlainTextAuthProvider/);
    refused({ cassandraAuthProvider: "PlainTextAuthProvider", cassandraAuthKwargs: {} }, /username.*password/);
    refused({ cassandraOptions: { protocol_version: 4 } }, /protocol_version.*Python.*protocolOptions/);
    refused({ cassandraOptions: { keyspace: "other" } }, /cassandraOptions\.keyspace/);
    refused({}, /"tabel"/, "cassandra://h/ks?tabel=t");
    refused({}, /both/, "cassandra://user@h/ks");
    assert.throws(
      () => cassandraSettings("cassandra://", options(enough, { max_result_bytes: -1 })),
      ImproperlyConfigured,
    );
  });

  it("no complaint gives a password away", () => {
    for (const url of [
      "cassandra://u:s3cret@h/ks?tabel=t",
      "cassandra://u:s3cret@h:99999/ks",
      "cassandra://u:s3cret@%zz",
    ])
      assert.throws(
        () => read({}, url),
        (error) => error instanceof ImproperlyConfigured && !error.message.includes("s3cret"),
      );
  });
});

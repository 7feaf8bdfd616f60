import assert from "node:assert/strict";
import { ImproperlyConfigured, NotSupported } from "../../errors.js";
import { silentLogger } from "../../util/logger.js";
import type { Endpoint } from "../../util/redis/session.js";
import type { BrokerOptions } from "../broker.js";
import { redisSettings } from "./settings.js";
import { redisTarget } from "./target.js";

const target = (url: string, changes: Partial<BrokerOptions> = {}): ReturnType<typeof redisTarget> => {
  const options: BrokerOptions = {
    logger: silentLogger,
    transportOptions: {},
    connectionTimeout: 4,
    connectionRetry: true,
    connectionMaxRetries: 100,
    heartbeat: 0,
    useSsl: false,
    failoverStrategy: "round-robin",
    ...changes,
  };
  return redisTarget(url, options, redisSettings(options.transportOptions));
};

const redisEndpoint = (url: string, useSsl: BrokerOptions["useSsl"]): Endpoint =>
  target(url, { useSsl }).endpoints[0] as Endpoint;

describe("redis broker URLs", () => {
  it("has Redis's defaults", () => {
    const { host, port, db, username, password, tls, path } = redisEndpoint("redis://", false);
    assert.deepEqual({ host, port, db }, { host: "127.0.0.1", port: 6379, db: 0 });
    assert.deepEqual([username, password, tls, path], [undefined, undefined, undefined, undefined]);
  });

  it("reads user, password, host, port and database", () => {
    const endpoint = redisEndpoint("redis://us%40er:p%3Aw%2F@redis.example:7000/3", false);
    assert.equal(endpoint.username, "us@er");
    assert.equal(endpoint.password, "p:w/");
    assert.equal(endpoint.host, "redis.example");
    assert.equal(endpoint.port, 7000);
    assert.equal(endpoint.db, 3);
    assert.equal(endpoint.displayUrl, "redis://us%40er:**@redis.example:7000/3");
  });

  it("reads a password without a user, and kombu's query parameters", () => {
    const endpoint = redisEndpoint("redis://:pw@h?virtual_host=5&port=7001&heartbeat=10", false);
    assert.deepEqual([endpoint.username, endpoint.password, endpoint.port, endpoint.db], [undefined, "pw", 7001, 5]);
  });

  it("reads Unix sockets", () => {
    const endpoint = redisEndpoint("redis+socket:///run/redis/redis.sock?virtual_host=2", false);
    assert.equal(endpoint.path, "/run/redis/redis.sock");
    assert.equal(endpoint.db, 2);
  });

  it("verifies TLS servers unless told not to", () => {
    assert.deepEqual(redisEndpoint("rediss://h", false).tls, { options: {}, files: {} });
    const tls = redisEndpoint("rediss://h?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem&ssl_check_hostname=false", false).tls;
    assert.equal(tls?.options["rejectUnauthorized"], false);
    assert.equal(typeof tls?.options["checkServerIdentity"], "function");
    assert.deepEqual(tls?.files, { ca: "/ca.pem" });
    const used = redisEndpoint("redis://h", { ssl_cert_reqs: "CERT_REQUIRED", servername: "other" }).tls;
    assert.deepEqual(used?.options, { rejectUnauthorized: true, servername: "other" });
    // As in kombu, where any ssl_* parameter means TLS.
    assert.deepEqual(redisEndpoint("redis://h?ssl_cert_reqs=none", false).tls?.options, { rejectUnauthorized: false });
    assert.deepEqual(redisEndpoint("rediss://h", { ssl_ca_data: "PEM", ssl_password: "p", ssl_min_version: 771 }).tls, {
      options: { ca: "PEM", passphrase: "p", minVersion: "TLSv1.2" },
      files: {},
    });
  });

  it("reads a list of servers, and a list of Sentinels as one address", () => {
    const servers = target("redis://a/1;rediss://u:p@b:7000/1");
    assert.deepEqual(
      servers.endpoints.map(({ host, port, db }) => [host, port, db]),
      [
        ["a", 6379, 1],
        ["b", 7000, 1],
      ],
    );
    const url = "sentinel://u:p@one/2;sentinel://two:7000";
    const { endpoints, db } = target(url, { transportOptions: { master_name: "m" } });
    assert.equal(db, 2);
    assert.equal(endpoints.length, 1);
    const { displayUrl, username, password } = endpoints[0] as Endpoint;
    assert.deepEqual([displayUrl, username, password], ["sentinel://u:**@one/2;sentinel://two:7000", "u", "p"]);
  });

  for (const [url, what] of [
    ["redis://h/abc", /database.*"abc".*number/],
    ["redis://h?visibility_timeout=10", /visibility_timeout.*brokerTransportOptions/],
    ["redis://h?port=0", /port/],
    ["redis+socket://", /names no socket/],
    ["redis://a/0;redis://b/1", /same database/],
    ["sentinel://a", /master_name/],
    ["sentinel://a;redis://b", /mixes/],
    ["redis://a;sentinel://b", /mixes/],
    ["sentinel://a;b:26379", /not a URL/],
    ["rediss://h?ssl_cert_req=none", /did you mean ssl_cert_reqs/],
    ["rediss://h?ssl_cert_reqs=maybe", /required, optional or none/],
    ["rediss://h?ssl_version=3", /ssl_version/],
  ] as const)
    it(`refuses ${url}`, () => {
      assert.throws(
        () => redisEndpoint(url, false),
        (error) => error instanceof ImproperlyConfigured && what.test(error.message),
      );
    });

  it("says that credential providers are Python's", () => {
    assert.throws(() => redisEndpoint("redis://h?credential_provider=a.B", false), NotSupported);
  });
});

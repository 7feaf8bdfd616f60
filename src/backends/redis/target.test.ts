import assert from "node:assert/strict";
import { silentLogger } from "../../util/logger.js";
import type { BackendOptions } from "../backend.js";
import { ImproperlyConfigured, NotSupported } from "../../errors.js";
import type { Endpoint } from "../../util/redis/session.js";
import { redisTarget } from "./target.js";

const options: BackendOptions = {
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: null,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () => Promise.reject(new Error("no broker here")),
};

const at = (url: string, changes: Partial<BackendOptions> = {}): unknown[] => {
  const { host, port, db, username, password } = redisTarget(url, { ...options, ...changes }).endpoint;
  return [host, port, db, username, password];
};

const settings = (url: string, changes: Partial<BackendOptions> = {}): ReturnType<typeof redisTarget>["settings"] =>
  redisTarget(url, { ...options, ...changes }).settings;

describe("Redis result URLs", () => {
  it("host, port, database, user name and password", () => {
    assert.deepEqual(at("redis://"), ["localhost", 6379, 0, undefined, undefined]);
    assert.deepEqual(at("redis://h"), ["h", 6379, 0, undefined, undefined]);
    assert.deepEqual(at("redis://:p%40ss@h:1/3"), ["h", 1, 3, undefined, "p@ss"]);
    assert.deepEqual(at("redis://u:p@h//4"), ["h", 6379, 4, "u", "p"]);
    assert.deepEqual(at("redis://[::1]:7/"), ["::1", 7, 0, undefined, undefined]);
  });

  it("query parameters win over the rest, options over settings", () => {
    const url = "redis://u:p@h/1?db=2&password=q&socket_timeout=3&client_name=me&socket_keepalive=no";
    assert.deepEqual(at(url), ["h", 6379, 2, "u", "q"]);
    const { socketTimeout, clientName, keepAlive } = settings(url);
    assert.deepEqual([socketTimeout, clientName, keepAlive], [3000, "me", false]);
    const mixed = settings("redis://h?socket_timeout=9", {
      transportOptions: { socket_connect_timeout: 7, socket_timeout: 8 },
      settings: { redisSocketConnectTimeout: 6, redisClientName: "set", redisSocketTimeout: 5 },
    });
    assert.deepEqual([mixed.connectTimeout, mixed.socketTimeout, mixed.clientName], [7000, 9000, "set"]);
  });

  it("redis alone takes everything from the settings", () => {
    const given = { redisHost: "h", redisPort: 7, redisDb: 3, redisUsername: "u", redisPassword: "p" };
    assert.deepEqual(at("redis", { settings: given }), ["h", 7, 3, "u", "p"]);
    assert.deepEqual(at("redis://other/", { settings: given }), ["other", 7, 0, "u", "p"]);
    assert.deepEqual(at("redis"), ["localhost", 6379, 0, undefined, undefined]);
  });

  it("Celery's socket timeout is the default", () => {
    const { socketTimeout, connectTimeout } = settings("redis://h");
    assert.deepEqual([socketTimeout, connectTimeout], [120_000, 5000]);
  });

  it("a Unix socket, its database in virtual_host", () => {
    const { path, db } = redisTarget("redis+socket:///run/redis.sock?virtual_host=5", options).endpoint;
    assert.deepEqual([path, db], ["/run/redis.sock", 5]);
  });

  it("Sentinels: the master's database and login stand in the first URL", () => {
    const transportOptions = { master_name: "m" };
    const url = "sentinel://u:p@one:1/2;sentinel://:x@two:2/9";
    assert.deepEqual(at(url, { transportOptions }).slice(2), [2, "u", "p"]);
    assert.throws(
      () => at(url),
      (error) => error instanceof ImproperlyConfigured && /master_name/.test(error.message),
    );
    const wrong = { master_name: "m", sentinel_kwargs: { pasword: "x" } };
    assert.throws(() => at(url, { transportOptions: wrong }), /did you mean password/);
  });

  it("credential providers are functions", () => {
    const provider = (): { password: string } => ({ password: "x" });
    const given = settings("redis://h", { settings: { redisBackendCredentialProvider: provider } });
    assert.equal(given.credentials, provider);
    assert.throws(() => at("redis://h?credential_provider=a.B"), NotSupported);
    assert.throws(() => settings("redis://h", { transportOptions: { credential_provider: "a.B" } }), /a function/);
  });

  it("TLS: what must be verified, and files", () => {
    const tls = (url: string, useSsl: BackendOptions["useSsl"] = false): Endpoint["tls"] =>
      redisTarget(url, { ...options, useSsl }).endpoint.tls;
    assert.equal(tls("redis://h"), undefined);
    assert.deepEqual(tls("rediss://h?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs=%2Fetc%2Fca.pem"), {
      files: { ca: "/etc/ca.pem" },
      options: { rejectUnauthorized: true },
    });
    assert.deepEqual(tls("rediss://h?ssl_cert_reqs=none"), { files: {}, options: { rejectUnauthorized: false } });
    assert.deepEqual(tls("redis://h", { ssl_cert_reqs: "optional", servername: "s" }), {
      files: {},
      options: { rejectUnauthorized: true, servername: "s" },
    });
    assert.deepEqual(tls("rediss://h", true), { files: {}, options: {} });
  });
});

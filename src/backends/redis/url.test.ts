import assert from "node:assert/strict";
import { silentLogger } from "../../util/logger.js";
import type { BackendOptions } from "../backend.js";
import { redisTarget } from "./url.js";

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

const client = (url: string, changes: Partial<BackendOptions> = {}): Record<string, unknown> =>
  redisTarget(url, { ...options, ...changes }).client as Record<string, unknown>;

const picked = (all: Record<string, unknown>, ...names: string[]): unknown[] => names.map((name) => all[name]);

describe("Redis result URLs", () => {
  it("host, port, database, user name and password", () => {
    const names = ["host", "port", "db", "username", "password"];
    assert.deepEqual(picked(client("redis://"), ...names), ["localhost", 6379, 0, undefined, undefined]);
    assert.deepEqual(picked(client("redis://h"), ...names), ["h", 6379, 0, undefined, undefined]);
    assert.deepEqual(picked(client("redis://:p%40ss@h:1/3"), ...names), ["h", 1, 3, undefined, "p@ss"]);
    assert.deepEqual(picked(client("redis://u:p@h//4"), ...names), ["h", 6379, 4, "u", "p"]);
    assert.deepEqual(picked(client("redis://[::1]:7/"), ...names), ["::1", 7, 0, undefined, undefined]);
  });

  it("query parameters win over the rest", () => {
    const all = client("redis://u:p@h/1?db=2&password=q&socket_timeout=3&client_name=me");
    assert.deepEqual(picked(all, "db", "password", "socketTimeout", "connectionName"), [2, "q", 3000, "me"]);
    const transportOptions = { socket_connect_timeout: 7, socket_timeout: 8 };
    const mixed = client("redis://h?socket_timeout=9", { transportOptions });
    assert.deepEqual(picked(mixed, "connectTimeout", "socketTimeout"), [7000, 9000]);
  });

  it("Celery's socket timeout is the default", () => {
    assert.deepEqual(picked(client("redis://h"), "socketTimeout", "connectTimeout"), [120_000, 5000]);
  });

  it("a Unix socket, its database in virtual_host", () => {
    const all = client("redis+socket:///run/redis.sock?virtual_host=5");
    assert.deepEqual(picked(all, "path", "db", "host"), ["/run/redis.sock", 5, undefined]);
  });

  it("TLS: what must be verified, and files", () => {
    const tls = (url: string, useSsl: BackendOptions["useSsl"] = false): unknown =>
      redisTarget(url, { ...options, useSsl }).tls;
    assert.equal(tls("redis://h"), null);
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

import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { silentLogger } from "../../util/logger.js";
import type { BrokerOptions } from "../broker.js";
import { endpoints } from "./endpoint.js";

const options: BrokerOptions = {
  logger: silentLogger,
  transportOptions: {},
  connectionTimeout: 4,
  connectionRetry: true,
  connectionMaxRetries: 100,
  heartbeat: 120,
  useSsl: false,
  failoverStrategy: "round-robin",
};
const one = (url: string, changes: Partial<BrokerOptions> = {}) => {
  const [first] = endpoints(url, { ...options, ...changes });
  assert.ok(first);
  return first;
};

describe("amqp addresses", () => {
  it("fills in Celery's defaults", () => {
    const { hostname, port, username, password, vhost, heartbeat, connectionTimeout, loginMethod, tls } =
      one("amqp://");
    assert.deepEqual(
      { hostname, port, username, password, vhost, heartbeat, connectionTimeout, loginMethod, tls },
      {
        hostname: "localhost",
        port: 5672,
        username: "guest",
        password: "guest",
        vhost: "/",
        heartbeat: 120,
        connectionTimeout: 4,
        loginMethod: "PLAIN",
        tls: undefined,
      },
    );
  });

  it("reads the virtual host as kombu does", () => {
    const vhosts = ["amqp://h", "amqp://h/", "amqp://h//", "amqp://h/vh", "amqp://h/%2fvh", "pyamqp://h/a%20b"];
    assert.deepEqual(
      vhosts.map((url) => one(url).vhost),
      ["/", "/", "/", "vh", "/vh", "a b"],
    );
  });

  it("decodes login and reads several addresses", () => {
    const [a, b, c] = endpoints("amqp://us%40er:p%3Bw%2F@one:1111/v;amqp://two;three:3333", options);
    assert.deepEqual([a?.username, a?.password, a?.hostname, a?.port], ["us@er", "p;w/", "one", 1111]);
    assert.deepEqual([b?.hostname, b?.username, c?.hostname, c?.port], ["two", "guest", "three", 3333]);
    assert.ok(!a?.display.includes("p%3Bw"), a?.display);
  });

  it("reads the parameters of kombu's connection", () => {
    const point = one("amqp://h?heartbeat=7.5&connect_timeout=2&login_method=external&virtual_host=x");
    assert.deepEqual(
      [point.heartbeat, point.connectionTimeout, point.loginMethod, point.vhost],
      [8, 2, "EXTERNAL", "x"],
    );
    assert.equal(one("amqp://h", { transportOptions: { login_method: "AMQPLAIN" } }).loginMethod, "AMQPLAIN");
  });

  it("turns TLS on by scheme, parameter or option, verified unless told otherwise", () => {
    assert.deepEqual([one("amqps://h").port, one("amqps://h").tls?.options], [5671, {}]);
    assert.equal(one("amqp://h", { useSsl: true }).port, 5671);
    assert.equal(one("amqp://h?ssl=true").port, 5671);
    assert.equal(one("amqp://h?ssl=false").tls, undefined);
    const byUrl = one("amqps://h?ssl_ca_certs=/ca.pem&ssl_cert_reqs=CERT_NONE&ssl_check_hostname=false").tls;
    assert.equal(byUrl?.files.ca, "/ca.pem");
    assert.equal(byUrl?.options.rejectUnauthorized, false);
    assert.equal(byUrl?.options.checkServerIdentity?.("h", {} as never), undefined);
    const python = one("amqp://h", {
      useSsl: { ca_certs: "/ca", certfile: "/c", keyfile: "/k", cert_reqs: 2, server_hostname: "n", ciphers: "x" },
    }).tls;
    assert.deepEqual(python, {
      files: { ca: "/ca", cert: "/c", key: "/k" },
      options: { rejectUnauthorized: true, servername: "n", ciphers: "x" },
    });
    assert.deepEqual(one("amqps://h", { useSsl: { minVersion: "TLSv1.3" } }).tls?.options, { minVersion: "TLSv1.3" });
  });

  it("refuses what it cannot use, naming it and hiding the password", () => {
    const bad: [string, RegExp, Partial<BrokerOptions>?][] = [
      ["redis://u:secret@h", /scheme must be one of amqp/],
      ["amqp://u:secret@h?visibility_timeout=1", /unknown parameter "visibility_timeout"/],
      ["amqp://u:secret@h?heartbeat=soon", /"heartbeat".*must be a number/],
      ["amqp://u:secret@h?login_method=KERBEROS", /KERBEROS.*PLAIN, AMQPLAIN, EXTERNAL/],
      ["amqps://u:secret@h?ssl_cert_reqs=maybe", /required, optional or none/],
      ["", /empty/],
      ["amqp://u:secret@h", /Node's minVersion/, { useSsl: { ssl_version: 5 } }],
    ];
    for (const [url, text, changes] of bad)
      assert.throws(
        () => endpoints(url, { ...options, ...changes }),
        (error: unknown) =>
          error instanceof ImproperlyConfigured && text.test(error.message) && !error.message.includes("secret"),
        url,
      );
  });
});

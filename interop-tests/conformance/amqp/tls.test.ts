import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BrokerOptions } from "../../../src/brokers/broker.js";
import { ImproperlyConfigured, OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Celery } from "../../../src/index.js";
import { startPythonWorker } from "../../python/worker.js";
import { removeFolder, temporaryFolder } from "../../servers/children.js";
import { startLocalRabbitmq } from "../../servers/rabbitmq.js";
import type { LocalRabbitmq } from "../../servers/rabbitmq.js";
import { need } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

const run = promisify(execFile);

/** A certificate authority and what it signs: the server's, and those of two clients. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]): Promise<unknown> => run("openssl", args, { cwd: folder });
  const own = (file: string, subject: string, ...more: string[]): Promise<unknown> =>
    openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject, ...more],
      ...["-keyout", `${file}-key.pem`, "-out", `${file}.pem`],
    );
  await own("ca", "/CN=the authority");
  await own("stranger", "/CN=somebody");
  for (const [file, subject, use] of [
    ["server", "/CN=broker.test", "subjectAltName=DNS:broker.test"],
    ["client", "/CN=worker-1", "extendedKeyUsage=clientAuth"],
  ] as const) {
    writeFileSync(join(folder, `${file}.ext`), `${use}\n`);
    await openssl(
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", `${file}-key.pem`],
      ...["-out", `${file}.csr`],
    );
    await openssl(
      ...["x509", "-req", "-in", `${file}.csr`, "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"],
      ...["-days", "2", "-extfile", `${file}.ext`, "-out", `${file}.pem`],
    );
  }
}

describe("amqp over TLS with client certificates", function () {
  this.timeout(60_000);
  let stage: AmqpStage;
  let server: LocalRabbitmq | undefined;
  let folder: string;
  let plain: string;
  const file = (what: string): string => join(folder, `${what}.pem`);

  before(async function () {
    folder = temporaryFolder("amqp-tls");
    try {
      await makeCertificates(folder);
    } catch (error) {
      if (process.env.CI) throw error;
      console.log("      skipped: no openssl program to make certificates");
      this.skip();
    }
    await need(this, async () => {
      return (server = await startLocalRabbitmq({
        plugins: ["rabbitmq_auth_mechanism_ssl"],
        config: [
          ...["auth_mechanisms.1 = PLAIN", "auth_mechanisms.2 = AMQPLAIN", "auth_mechanisms.3 = EXTERNAL"],
          "ssl_cert_login_from = common_name",
        ],
        tls: { ca: file("ca"), cert: file("server"), key: file("server-key") },
      }));
    });
    assert.ok(server);
    stage = new AmqpStage(server);
    await server.ctl("add_user", "worker-1", "unused");
    await server.ctl("set_permissions", "worker-1", ".*", ".*", ".*");
    plain = `amqps://guest:guest@${server.tlsAddress}//`;
  });
  afterEach(() => stage?.reset());
  after(async () => {
    await server?.stop();
    removeFolder(folder);
  });

  const mine = (): Record<string, unknown> => ({
    ...{ ca_certs: file("ca"), certfile: file("client"), keyfile: file("client-key"), cert_reqs: "CERT_REQUIRED" },
    server_hostname: "broker.test",
  });
  const refused = async (changes: Partial<BrokerOptions>, text: RegExp, url = plain): Promise<void> => {
    await assert.rejects(stage.open(changes, url).connect(), (error: unknown) => {
      assert.ok(error instanceof OperationalError, String(error));
      assert.match(error.message, text);
      assert.doesNotMatch(error.message, /guest:guest/);
      assert.equal(error.retriable, false, error.message);
      return true;
    });
  };

  it("connects with Celery's names and with Node's", async () => {
    const one = queue(name("secure"));
    const broker = stage.open({ useSsl: mine() }, plain);
    await broker.publish(message("x"), toQueue(one.name), { declare: [one] });
    await new Watched(broker, [one]).has(1);
    await broker.delete(one);
    const pem = (what: string): Buffer => readFileSync(file(what));
    const node = { ca: pem("ca"), cert: pem("client"), key: pem("client-key"), servername: "broker.test" };
    await stage.open({ useSsl: node }, plain).connect();
    const inUrl = `ssl_ca_certs=${file("ca")}&ssl_certfile=${file("client")}&ssl_keyfile=${file("client-key")}`;
    await stage.open({}, `${plain}?${inUrl}&ssl_check_hostname=false`).connect();
    await stage.open({ useSsl: { ...mine(), ca_certs: undefined, cert_reqs: 0 } }, plain).connect();
  });

  it("logs in by certificate (EXTERNAL), and by password in both ways", async () => {
    const nobody = plain.replace("guest:guest@", "");
    const external = stage.open({ useSsl: mine(), loginMethod: "EXTERNAL" }, nobody);
    await external.connect();
    assert.match((await server?.ctl("list_connections", "user", "auth_mechanism")) ?? "", /worker-1\tEXTERNAL/);
    await stage.open({ useSsl: mine() }, `${nobody}?login_method=external`).connect();
    await stage.open({ useSsl: mine(), transportOptions: { login_method: "AMQPLAIN" } }, plain).connect();
    await refused(
      { loginMethod: "EXTERNAL" },
      /SASL mechanism EXTERNAL.*login method|refused the login/,
      stage.server.url,
    );
    await refused({ useSsl: mine() }, /refused the login of user "guest"/, plain.replace("guest:guest", "guest:wrong"));
  });

  it("says what is wrong with the certificates", async () => {
    await refused({ useSsl: { ...mine(), ca_certs: undefined } }, /signed by nobody we trust.*ca_certs/);
    await refused({ useSsl: { ...mine(), server_hostname: undefined } }, /for another name.*server_hostname/);
    await refused({ useSsl: { ...mine(), certfile: undefined, keyfile: undefined } }, /wants a certificate of ours/);
    const strange = { certfile: file("stranger"), keyfile: file("stranger-key") };
    await refused({ useSsl: { ...mine(), ...strange } }, /does not accept our certificate/);
    await refused({ useSsl: { ...mine(), keyfile: file("stranger-key") } }, /certificate or key cannot be used/);
    await refused({ useSsl: { ...mine(), keyfile: file("client") } }, /certificate or key cannot be used/);
    await refused({ useSsl: mine() }, /does not speak AMQP|TLS/, stage.server.url.replace("amqp:", "amqps:"));
    for (const [options, text] of [
      [{ keyfiles: "x" }, /"keyfiles".*unknown.*keyfile/],
      [{ ca_certs: 5 }, /"ca_certs".*string/],
      [{ cert_reqs: "maybe" }, /"cert_reqs".*required, optional or none/],
      [{ ssl_version: "TLSv1" }, /ssl_version.*Python only/],
    ] as const)
      assert.throws(
        () => stage.open({ useSsl: options }, plain),
        (error: unknown) => error instanceof ImproperlyConfigured && text.test(error.message),
      );
  });

  it("takes the settings that a Python worker has", async () => {
    const target = { version: "5.7.0" as const, broker: plain, backend: "rpc://" };
    const conf = { broker_use_ssl: { ...mine(), cert_reqs: 2 }, task_default_queue: name("secure") };
    const worker = await startPythonWorker({ ...target, conf, queues: [conf.task_default_queue] });
    const app = new Celery({
      ...{ broker: plain, backend: "rpc://", taskDefaultQueue: conf.task_default_queue },
      brokerUseSsl: conf.broker_use_ssl,
    });
    try {
      assert.equal(await app.sendTask("interop.add", [2, 3]).get({ timeout: 20 }), 5);
    } finally {
      await app.close();
      await worker.stop();
    }
  });
});

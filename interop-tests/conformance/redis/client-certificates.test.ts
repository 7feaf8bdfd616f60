import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { openBackend } from "../../../src/backends/registry.js";
import { Celery } from "../../../src/index.js";
import { openBroker } from "../../../src/brokers/registry.js";
import { OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { state, Watching } from "../../../src/testing/backend/scene.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { backendOptions, brokerOptions, uniqueName } from "../../drivers/index.js";
import { commonPlace } from "../../drivers/place.js";
import { startPythonWorker } from "../../python/worker.js";
import { newestCelery } from "../../python/venvs.mjs";
import { removeFolder, temporaryFolder } from "../../servers/children.js";
import { need } from "../../servers/shared.js";
import { makeAuthority, makeCertificate } from "./certificates.js";
import type { Certificate } from "./certificates.js";
import { startOwnSentinel, startOwnServer } from "./own-server.js";
import type { OwnServer } from "./own-server.js";

/** A Redis that speaks TLS itself and asks its clients for certificates. */
describe("redis broker and results: certificates of clients", function () {
  this.timeout(60_000);
  let folder = "";
  const password = "of the key";
  let server: OwnServer;
  let sentinel: OwnServer;
  let ca: Certificate;
  let client: Certificate;
  let locked: Certificate;
  let base: string;

  before(async function () {
    folder = temporaryFolder("certificates");
    const start = async (): Promise<OwnServer> => {
      ca = await makeAuthority(folder);
      const own = await makeCertificate(folder, ca, "server", { names: "IP:127.0.0.1" });
      client = await makeCertificate(folder, ca, "client");
      locked = await makeCertificate(folder, ca, "locked", { password });
      const files = ["--tls-cert-file", own.cert, "--tls-key-file", own.key, "--tls-ca-cert-file", ca.cert];
      const tls = [...files, "--tls-auth-clients", "yes", "--tls-replication", "yes"];
      const master = await startOwnServer(...tls, "--requirepass", "s3cret");
      sentinel = await startOwnSentinel(master.port, "s3cret", ...tls);
      return master;
    };
    server = (await need(this, start as never)) as unknown as OwnServer;
    base = `rediss://:s3cret@127.0.0.1:${server.port}/1`;
  });
  after(async () => {
    await sentinel?.stop();
    await server?.stop();
    removeFolder(folder);
  });

  async function tlsOptions(): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> {
    const [authority, cert, key] = await Promise.all([readFile(ca.cert), readFile(client.cert), readFile(client.key)]);
    return { ca: authority, cert, key };
  }

  const query = (values: Readonly<Record<string, string>>): string =>
    `${base}?${new URLSearchParams({ ssl_cert_reqs: "required", ssl_ca_certs: ca.cert, ...values }).toString()}`;
  const full = (): string => query({ ssl_certfile: client.cert, ssl_keyfile: client.key });

  async function brokerWorks(url: string, useSsl: boolean | Record<string, unknown> = false): Promise<void> {
    const broker = await openBroker(url, brokerOptions(commonPlace(url, null), { useSsl }));
    try {
      const name = uniqueName("tls");
      await broker.publish(textMessage("x"), toQueue(name));
      await new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack()).has(1);
    } finally {
      await broker.close();
    }
  }

  async function resultsWork(url: string, useSsl: boolean | Record<string, unknown> = false): Promise<void> {
    const transportOptions = { retry_policy: { max_retries: 0 } };
    const backend = await openBackend(url, backendOptions(commonPlace(url, null), { useSsl, transportOptions }));
    try {
      const id = uniqueName("id");
      const watching = new Watching(backend.watch([id]));
      await backend.store(state(id, "SUCCESS", 1));
      await watching.done();
    } finally {
      await backend.close();
    }
  }

  for (const [what, works] of [
    ["broker", brokerWorks],
    ["results", resultsWork],
  ] as const) {
    it(`${what}: by files in the URL, by Python's names, by Node's options`, async () => {
      await works(full());
      const names = { ssl_cert_reqs: "required", ssl_ca_certs: ca.cert, ssl_certfile: client.cert };
      await works(base, { ...names, ssl_keyfile: client.key });
      await works(base, { ...names, ssl_certfile: locked.cert, ssl_keyfile: locked.key, ssl_password: password });
      await works(base, { ...(await tlsOptions()), rejectUnauthorized: true });
    });

    it(`${what}: without one the server refuses; a name that is not the server's is refused here`, async () => {
      await assert.rejects(works(query({})), (error) => {
        assert.ok(error instanceof OperationalError, String(error));
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
      const elsewhere = full().replace("127.0.0.1", "localhost");
      await assert.rejects(works(elsewhere), (error) => {
        assert.ok(error instanceof OperationalError && !error.retriable, String(error));
        assert.match(error.message, /altnames/);
        return true;
      });
      await works(`${elsewhere}&ssl_check_hostname=false`);
    });
  }

  it("Python works by the same URL", async () => {
    const name = uniqueName("python");
    const target = { version: newestCelery, broker: full(), backend: full() };
    const python = await startPythonWorker({ ...target, queues: [name] });
    const app = new Celery({ broker: full(), backend: full(), taskDefaultQueue: name });
    try {
      assert.equal(await app.sendTask("interop.add", [1, 2]).get({ timeout: 20 }), 3);
    } finally {
      await app.close();
      await python.stop();
    }
  });

  it("Sentinels and their master, each with TLS, ours and Python's", async () => {
    const name = uniqueName("sentinel");
    const ssl = {
      ...{ ssl_cert_reqs: "required", ssl_ca_certs: ca.cert },
      ...{ ssl_certfile: client.cert, ssl_keyfile: client.key },
    };
    const transportOptions = { master_name: "own", sentinel_kwargs: { ssl: true, ...ssl } };
    const url = `sentinel://:s3cret@127.0.0.1:${sentinel.port}/1`;
    const python = await startPythonWorker({
      version: newestCelery,
      broker: url,
      backend: url,
      queues: [name],
      conf: {
        broker_use_ssl: ssl,
        redis_backend_use_ssl: ssl,
        broker_transport_options: transportOptions,
        result_backend_transport_options: transportOptions,
      },
    });
    const app = new Celery({
      broker: url,
      backend: url,
      brokerUseSsl: ssl,
      redisBackendUseSsl: ssl,
      brokerTransportOptions: transportOptions,
      resultBackendTransportOptions: transportOptions,
      taskDefaultQueue: name,
    });
    try {
      assert.equal(await app.sendTask("interop.add", [1, 2]).get({ timeout: 20 }), 3);
      const plain = { transportOptions: { ...transportOptions, sentinel_kwargs: {} }, useSsl: ssl };
      const broker = await openBroker(url, brokerOptions(commonPlace(url, null), { ...plain, connectionTimeout: 1 }));
      await assert.rejects(broker.connect(), /no Sentinel of sentinel:\/\/:\*\*@127/);
      await broker.close();
    } finally {
      await app.close();
      await python.stop();
    }
  });
});

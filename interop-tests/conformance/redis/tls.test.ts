import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import type { Server as TlsServer } from "node:tls";
import { promisify } from "node:util";
import { ImproperlyConfigured, OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { uniqueName } from "../../drivers/index.js";
import { removeFolder, temporaryFolder } from "../../servers/children.js";
import { startServer } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { RedisStage } from "./stage.js";

/** A real Redis behind a TLS front of ours. */
describe("redis broker over TLS", () => {
  let stage: RedisStage;
  let folder: string;
  let ca: string;
  let front: TlsServer | undefined;
  let url: string;

  before(async function () {
    folder = temporaryFolder("tls");
    ca = join(folder, "cert.pem");
    const key = join(folder, "key.pem");
    const request = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    const subject = ["-subj", "/CN=celeriac test", "-addext", "subjectAltName=IP:127.0.0.1"];
    await promisify(execFile)("openssl", [...request, ...subject, "-keyout", key, "-out", ca]);
    stage = new RedisStage(await need(this, () => startServer("redis")));
    const { hostname, port } = new URL(stage.server.url);
    front = createServer({ cert: await readFile(ca), key: await readFile(key) });
    front.on("tlsClientError", () => undefined);
    front.on("secureConnection", (socket) => {
      const redis = connect({ host: hostname, port: Number(port) });
      socket.on("error", () => redis.destroy()).pipe(redis);
      redis.on("error", () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => front?.listen(0, "127.0.0.1", resolve));
    url = `rediss://127.0.0.1:${(front.address() as AddressInfo).port}/0`;
  });
  afterEach(() => stage.reset());
  after(async () => {
    front?.close();
    removeFolder(folder);
    await stage?.end();
    await stage?.server.stop();
  });

  const works = async (address: string, useSsl: boolean | Record<string, unknown> = false): Promise<void> => {
    const broker = stage.open({}, { useSsl }, address);
    const name = uniqueName("tls");
    await broker.publish(textMessage("x"), toQueue(name));
    await new Reader(broker.consume([queue(name)])).has(1);
  };

  it("verifies the server by its authority's file", () => works(`${url}?ssl_ca_certs=${encodeURIComponent(ca)}`));
  it("does not verify when told so", () => works(`${url}?ssl_cert_reqs=none`));
  it("takes Node's options", async () => works(url.replace("rediss:", "redis:"), { ca: await readFile(ca) }));

  it("refuses a server that nobody vouches for", async () => {
    await assert.rejects(
      stage.open({}, {}, url).connect(),
      (error) => error instanceof OperationalError && /self-signed/.test(error.message),
    );
  });

  it("names a file that cannot be read", async () => {
    await assert.rejects(
      stage.open({}, {}, `${url}?ssl_ca_certs=/nowhere.pem`).connect(),
      (error) => error instanceof ImproperlyConfigured && error.message.includes("/nowhere.pem"),
    );
  });
});

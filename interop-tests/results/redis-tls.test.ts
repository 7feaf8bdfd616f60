import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import type { Server as TlsServer } from "node:tls";
import { createServer } from "node:tls";
import { promisify } from "node:util";
import { openBackend } from "../../src/backends/registry.js";
import { ImproperlyConfigured, OperationalError } from "../../src/errors.js";
import type { BackendOptions } from "../../src/backends/backend.js";
import { state, Watching } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import { backendOptions, backends } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { ServerMissing } from "../servers/index.js";
import { need, needShared } from "../servers/shared.js";

/** A certificate for 127.0.0.1, its own authority. */
async function selfSigned(folder: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const subject = ["-subj", "/CN=celeriac test", "-addext", "subjectAltName=IP:127.0.0.1"];
  await promisify(execFile)("openssl", [...request, ...subject, "-keyout", key, "-out", cert]).catch(
    (cause: unknown) => {
      throw new ServerMissing("the openssl command is needed to make a certificate (apt install openssl)", { cause });
    },
  );
  return { cert, key };
}

const driver = backends.find(({ name }) => name === "redis");

if (driver)
  describe("results in Redis over TLS", () => {
    let place: Place;
    let folder = "";
    let cert = "";
    let front: TlsServer;
    let url = "";

    before(async function () {
      await needShared(this, "redis");
      place = await driver.prepare();
      folder = temporaryFolder("tls");
      await need(this, async () => {
        const files = await selfSigned(folder);
        cert = files.cert;
        front = createServer({ cert: await readFile(files.cert), key: await readFile(files.key) });
        return place.server as never;
      });
      const { hostname, port, pathname } = new URL(place.url);
      front.on("tlsClientError", () => undefined);
      front.on("secureConnection", (socket) => {
        const redis = connect({ host: hostname, port: Number(port) });
        socket.on("error", () => redis.destroy()).pipe(redis);
        redis.on("error", () => socket.destroy()).pipe(socket);
      });
      await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
      url = `rediss://127.0.0.1:${(front.address() as AddressInfo).port}${pathname}`;
    });
    after(async () => {
      front?.close();
      removeFolder(folder);
      await place?.close();
    });

    const works = async (address: string, changes: Partial<BackendOptions> = {}): Promise<void> => {
      const backend = await openBackend(address, backendOptions(place, changes));
      try {
        const id = newId();
        const watching = new Watching(backend.watch([id]));
        await backend.store(state(id, "SUCCESS", 1));
        await watching.done();
      } finally {
        await backend.close();
      }
    };

    it("a server that is verified by its authority's file", () =>
      works(`${url}?ssl_cert_reqs=required&ssl_ca_certs=${encodeURIComponent(cert)}`));

    it("options of Node's instead of the URL's", async () =>
      works(url, { useSsl: { ca: await readFile(cert), rejectUnauthorized: true } }));

    it("a server that is not to be verified", () => works(`${url}?ssl_cert_reqs=none`));

    it("a server that nobody vouches for is refused at once", async () => {
      await assert.rejects(works(`${url}?ssl_cert_reqs=required`), (error) => {
        assert.ok(error instanceof OperationalError && !error.retriable, String(error));
        assert.match(error.message, /self.signed/i);
        return true;
      });
    });

    it("a certificate file that is not there is named", async () => {
      await assert.rejects(works(`${url}?ssl_cert_reqs=required&ssl_ca_certs=/missing.pem`), (error) => {
        assert.ok(error instanceof ImproperlyConfigured);
        assert.match(error.message, /missing\.pem/);
        return true;
      });
    });
  });

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ImproperlyConfigured, OperationalError } from "../../src/errors.js";
import { state } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import type { Place } from "../drivers/index.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { ServerMissing, startServer } from "../servers/index.js";
import type { Server } from "../servers/index.js";
import { need } from "../servers/shared.js";
import { give, serverAccount } from "../servers/users.js";
import { connect, Opened, sqlDrivers } from "./sql.js";
import type { Sql } from "./sql.js";

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

const driver = sqlDrivers.find(({ name }) => name === "postgresql");

if (driver)
  describe("results in PostgreSQL over TLS", function () {
    this.timeout(60_000);
    const opened = new Opened();
    let folder = "";
    let theirs = "";
    let server: Server;
    let place: Place;
    let sql: Sql;
    let cert = "";
    let other = "";

    before(async function () {
      folder = temporaryFolder("tls");
      theirs = temporaryFolder("tls-server");
      const files = await need(this, async () => (await selfSigned(folder)) as never);
      ({ cert } = files as unknown as { cert: string });
      server = await need(this, () => startServer("postgresql"));
      if (!server.owned) return this.skip();
      // The server takes a key only from itself.
      const account = serverAccount("postgres");
      give(theirs, account);
      for (const name of ["cert.pem", "key.pem"]) {
        copyFileSync(join(folder, name), join(theirs, name));
        give(join(theirs, name), account);
      }
      ({ cert: other } = await selfSigned(temporaryFolder("tls-other")));
    });
    before(async () => {
      place = await driver.prepare(server);
      sql = await connect("postgresql", place);
    });
    afterEach(() => opened.close());
    after(async () => {
      await sql?.close();
      await place?.close();
      await server?.stop();
      for (const one of [folder, theirs, join(other, "..")]) if (one) removeFolder(one);
    });

    /** Whether the backend's connection is encrypted. */
    const encrypted = async (query: string): Promise<boolean> => {
      const backend = await opened.at(
        { ...place, url: `${place.url}?application_name=tls_test${query}` },
        { transportOptions: { retry_policy: { max_retries: 0 } } },
      );
      try {
        await backend.store(state(newId(), "SUCCESS", 1));
        const rows = await sql.run(
          "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'tls_test'",
        );
        assert.ok(rows.length > 0);
        return rows.every(({ ssl }) => ssl === true);
      } finally {
        await backend.close();
      }
    };

    it("a server without TLS is reached in plain, unless TLS is demanded", async () => {
      for (const query of ["", "&sslmode=prefer", "&sslmode=disable"]) assert.equal(await encrypted(query), false);
      for (const mode of ["require", "verify-ca", "verify-full"])
        await assert.rejects(encrypted(`&sslmode=${mode}`), (error) => {
          assert.ok(error instanceof OperationalError && !error.retriable, String(error));
          return /does not support SSL/.test(error.message);
        });
    });

    it("a server with TLS is reached over it, and verified when that is asked for", async () => {
      await sql.run(`alter system set ssl_cert_file to '${join(theirs, "cert.pem")}'`);
      await sql.run(`alter system set ssl_key_file to '${join(theirs, "key.pem")}'`);
      await sql.run("alter system set ssl to on");
      await sql.run("select pg_reload_conf()");
      while (!(await encrypted(""))) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(await encrypted("&sslmode=disable"), false);
      for (const query of ["&sslmode=require", `&sslmode=verify-ca&sslrootcert=${cert}`])
        assert.equal(await encrypted(query), true, query);
      assert.equal(await encrypted(`&sslmode=verify-full&sslrootcert=${cert}`), true);
      for (const query of [
        "&sslmode=verify-full",
        `&sslmode=verify-ca&sslrootcert=${other}`,
        `&sslmode=require&sslrootcert=${other}`,
      ])
        await assert.rejects(encrypted(query), (error) => error instanceof OperationalError && !error.retriable, query);
      await assert.rejects(encrypted("&sslmode=require&sslrootcert=/nowhere.pem"), ImproperlyConfigured);
    });
  });

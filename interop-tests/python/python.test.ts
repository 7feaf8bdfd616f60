import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Decimal } from "../../src/protocol/values.js";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import { PythonClient } from "./client.js";
import { newestCelery } from "./venvs.mjs";
import { startPythonWorker } from "./worker.js";

/** The harness itself, with Python at both ends: what fails here is no fault of ours. */
describe("python: the harness with Python at both ends", function () {
  this.timeout(60_000);

  for (const version of process.env.CELERY_VERSIONS?.split(",") ?? [newestCelery])
    it(`Celery ${version} calls itself over files`, async () => {
      const folder = temporaryFolder("python-test");
      for (const name of ["data", "control", "processed", "results"]) mkdirSync(join(folder, name));
      const target = {
        version,
        broker: "filesystem://",
        backend: `file://${folder}/results`,
        conf: {
          broker_transport_options: {
            data_folder_in: join(folder, "data"),
            data_folder_out: join(folder, "data"),
            control_folder: join(folder, "control"),
            // Kombu looks once a second unless told otherwise.
            polling_interval: 0.02,
          },
        },
      };
      const worker = await startPythonWorker(target);
      const client = await PythonClient.start(target);
      try {
        assert.deepEqual(await client.call("interop.add", [2, 3]), { value: 5 });
        const { raised } = await client.call("interop.fail", ["oh"]);
        assert.equal(raised?.type, "ValueError");
        assert.equal(raised.message, "oh");
        assert.match(raised.traceback ?? "", /Traceback/);
        if (version !== "5.2.7")
          assert.deepEqual(await client.call("interop.echo", [new Decimal("1.10")]), { value: new Decimal("1.10") });
        assert.equal(await client.run("return values['x'] * 2", { x: 21 }), 42);
        await assert.rejects(client.run("return nothing"), /NameError/);
        await client.publish("other", "hello", { contentType: "text/plain" });
        assert.equal(await client.size("other"), 1);
        assert.equal(Buffer.from((await client.take("other"))?.body ?? []).toString(), "hello");
      } finally {
        await client.close();
        await worker.stop();
        removeFolder(folder);
      }
    });
});

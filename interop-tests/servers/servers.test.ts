import assert from "node:assert/strict";
import { connect } from "node:net";
import { startServer } from "./index.js";
import type { ServerKind } from "./index.js";
import { need, needShared } from "./shared.js";

/** Resolves when somebody answers at the URL's address. */
function reach(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

for (const kind of ["redis", "rabbitmq", "zookeeper", "sqs", "cassandra"] satisfies ServerKind[])
  describe(`servers: ${kind}`, function () {
    this.timeout(120_000);

    it("is shared by all tests of a run", async function () {
      const server = await needShared(this, kind);
      await reach(server.url);
      assert.equal(await needShared(this, kind), server);
    });

    it("starts privately, dies, comes back under the same URL, and is gone after stop", async function () {
      const server = await need(this, () => startServer(kind));
      if (!server.owned) return this.skip();
      try {
        await reach(server.url);
        await server.kill();
        await assert.rejects(reach(server.url));
        await server.restart();
        await reach(server.url);
      } finally {
        await server.stop();
      }
      await assert.rejects(reach(server.url));
    });

    if (kind === "rabbitmq")
      it("answers its administration command", async function () {
        const server = await needShared(this, kind);
        if (server.owned) assert.match((await server.ctl?.("list_queues")) ?? "", /Listing queues/);
      });
  });

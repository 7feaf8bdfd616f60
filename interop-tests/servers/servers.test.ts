import assert from "node:assert/strict";
import { startServer } from "./index.js";
import type { ServerKind } from "./index.js";
import { serverKinds } from "./kinds.mjs";
import { probe } from "./probes.js";
import { need, needShared } from "./shared.js";

/** A version as every server writes it: at least two numbers. */
const aVersion = /^\d+\.\d+/;

describe("servers", function () {
  this.timeout(120_000);

  it("are shared by all tests of a run", async function () {
    const server = await needShared(this, "redis");
    assert.match(await probe(server), aVersion);
    assert.equal(await needShared(this, "redis"), server);
  });

  for (const kind of Object.keys(serverKinds) as ServerKind[])
    it(`${kind} starts privately, dies, comes back under the same URL, and is gone after stop`, async function () {
      const server = await need(this, () => startServer(kind, { persistent: true }));
      if (!server.owned) return this.skip();
      try {
        assert.match(await probe(server), aVersion);
        await server.kill();
        await assert.rejects(probe(server));
        await server.restart();
        assert.match(await probe(server), aVersion);
        if (server.ctl) assert.match(await server.ctl("list_queues"), /Listing queues/);
      } finally {
        await server.stop();
      }
      await assert.rejects(probe(server));
    });
});

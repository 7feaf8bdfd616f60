import assert from "node:assert/strict";
import { Celery } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { backends, brokers, uniqueName } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { containers } from "../servers/containers.js";
import type { ContainerServer } from "../servers/containers.js";
import { serverKinds } from "../servers/kinds.mjs";
import { probe } from "../servers/probes.js";
import type { ServerKind } from "../servers/index.js";

/** The kinds of servers that core.test.ts leaves out: each in a container, with the drivers that use it. */
const kinds = (Object.keys(serverKinds) as ServerKind[]).filter((kind) => kind !== "redis" && kind !== "rabbitmq");

for (const kind of kinds) {
  const start = containers[kind];
  if (!start) continue;
  describe(`containers: ${kind}`, function () {
    this.timeout(90_000);
    let server: ContainerServer;

    before("start the container", async () => {
      server = await start({});
    });
    after("stop the container", () => server?.stop());

    it("answers with its version, dies, and comes back under the same URL", async () => {
      const version = await probe(server);
      await server.kill();
      await assert.rejects(probe(server));
      await server.restart();
      assert.equal(await probe(server), version);
    });

    for (const [role, driver] of [
      ...brokers.map((one) => ["broker", one] as const),
      ...backends.map((one) => ["backend", one] as const),
    ].filter(([, one]) => one.server === kind))
      it(`serves the ${role} ${driver.name}`, async () => {
        const place = await driver.prepare(server);
        await using app = appWith(role, place);
        const add = app.task("add", (x: number, y: number) => x + y);
        const worker = await new Worker(app).start();
        assert.equal(await add.delay(40, 2).get({ timeout: 20 }), 42);
        await worker.shutdown();
        await place.close();
      });
  });
}

/** An application that keeps in this process what does not belong to the place. */
function appWith(role: "broker" | "backend", { url, transportOptions, settings }: Place): Celery {
  const inside = `memory://${uniqueName("containers")}`;
  return role === "broker"
    ? new Celery({ ...settings, broker: url, brokerTransportOptions: transportOptions, backend: inside })
    : new Celery({ ...settings, broker: inside, backend: url, resultBackendTransportOptions: transportOptions });
}

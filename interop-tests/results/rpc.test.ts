import assert from "node:assert/strict";
import type { Backend } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import type { Broker } from "../../src/brokers/broker.js";
import { state, Watching } from "../../src/testing/backend/scene.js";
import { newId } from "../../src/util/id.js";
import { sleep } from "../../src/util/time.js";
import { backendOptions, backends, brokerNamed, openBrokerAt } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { PythonClient } from "../python/client.js";
import { celeryVersions, newestCelery } from "../python/venvs.mjs";
import { needShared } from "../servers/shared.js";

/** Results that travel through the broker between Python and us, over every broker that both can reach. */
const wanted = process.env.CELERY_VERSIONS?.split(",");
const versions = celeryVersions.filter((one) => !wanted || wanted.includes(one));
const failure = { exc_type: "ValueError", exc_message: ["boom", 3], exc_module: "builtins" };

for (const driver of backends.filter(({ name }) => name === "rpc-amqp" || name === "rpc-redis"))
  for (const version of versions.filter((one) => driver.name === "rpc-amqp" || one === newestCelery))
    describe(`results over ${driver.name} with Celery ${version}`, function () {
      this.timeout(60_000);
      let place: Place;
      let python: PythonClient;
      let broker: Broker;
      let backend: Backend;

      before(async function () {
        if (driver.server) await needShared(this, driver.server);
        place = await brokerNamed(driver.over ?? "").prepare();
        python = await PythonClient.start({ version, broker: place.url, backend: "rpc://" });
        broker = await openBrokerAt(place);
        backend = await openBackend("rpc://", backendOptions(place, { broker: () => Promise.resolve(broker) }));
      });
      after(async () => {
        await backend?.close();
        await broker?.close();
        await python?.close();
        await place?.close();
      });

      /** Python's reply queue exists from here on; its name is what a task of its would carry as reply_to. */
      const expecting = async (id: string): Promise<string> =>
        (await python.run(
          "with app.producer_pool.acquire(block=True) as producer:\n" +
            "    app.backend.on_task_call(producer, values['id'])\n" +
            "return app.backend.oid",
          { id },
        )) as string;

      it("Python gets what we send to its reply queue", async () => {
        const id = newId();
        const replyTo = await expecting(id);
        const got = python.get(id, 10);
        await sleep(100);
        for (const record of [state(id, "STARTED", { pid: 1 }), state(id, "SUCCESS", { value: [1, 2.5, "ü"] })])
          await backend.store(record, { replyTo, correlationId: id });
        assert.deepEqual((await got).value, { value: [1, 2.5, "ü"] });
      });

      it("Python raises the failures that we send", async () => {
        const id = newId();
        const replyTo = await expecting(id);
        const got = python.get(id, 10);
        await backend.store(state(id, "FAILURE", failure, { traceback: "Traceback" }), { replyTo });
        const { raised } = await got;
        assert.equal(raised?.type, "ValueError");
        assert.deepEqual(raised.args, ["boom", 3]);
      });

      it("we get what Python sends to our reply queue, and STARTED is no result", async () => {
        const id = newId();
        await backend.expect(id);
        const watching = new Watching(backend.watch([id]));
        const store =
          "from celery.app.task import Context\n" +
          "request = Context(id=values['id'], reply_to=values['reply_to'], correlation_id=values['id'])\n" +
          "app.backend.store_result(values['id'], values['result'], values['state'], request=request)";
        const values = { id, reply_to: backend.replyTo };
        await python.run(store, { ...values, state: "STARTED", result: { pid: 3 } });
        await watching.has("STARTED");
        assert.equal(watching.ended, false);
        await python.run(store, { ...values, state: "SUCCESS", result: [1, "ü", 2n ** 70n] });
        const last = (await watching.done()).at(-1);
        assert.deepEqual(last?.result, [1, "ü", 2n ** 70n]);
        assert.equal((await backend.load(id))?.status, "SUCCESS");
      });

      it("a result for a client that is gone is dropped without an error", async () => {
        await backend.store(state(newId(), "SUCCESS", 1), { replyTo: newId() });
        await backend.store(state(newId(), "SUCCESS", 1));
      });
    });

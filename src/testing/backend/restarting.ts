import assert from "node:assert/strict";
import { CeleryError, OperationalError } from "../../errors.js";
import type { BackendOptions } from "../../backends/backend.js";
import { sleep } from "../../util/time.js";
import { until } from "../harness.js";
import type { ServerControl } from "../harness.js";
import type { BackendHarness, Define, Scene } from "./scene.js";
import { drain, loaded, rejects, state, Watching } from "./scene.js";

/** Tried again often and for long: these tests are about coming back. */
const PATIENT: BackendOptions["transportOptions"] = {
  retry_policy: { max_retries: null, interval_start: 0, interval_step: 0.1, interval_max: 0.2 },
};
/** Tried once more, at once. */
const IMPATIENT: BackendOptions["transportOptions"] = {
  retry_policy: { max_retries: 1, interval_start: 0, interval_step: 0, interval_max: 0 },
};

/** The server goes away and comes back. */
export function restartTests(define: Define, harness: BackendHarness, server: ServerControl): void {
  define("waiting survives a restart of the server", async (scene) => {
    const { reader, store } = await scene.pair({ transportOptions: PATIENT });
    const id = await scene.task(reader);
    const watching = new Watching(reader.watch([id]));
    await store(state(id, "STARTED"));
    await watching.has("STARTED");
    await server.kill();
    await sleep(300);
    await server.start();
    // A store that answers through the broker loses what is sent while the sender is away: workers' results may too.
    await until("the result", async () => {
      await store(state(id, "SUCCESS", "after")).catch(() => undefined);
      return watching.ended;
    });
    assert.equal((await watching.done()).at(-1)?.result, "after");
  });

  define("a result written while the server is away is written when it is back", async (scene) => {
    const { reader, store } = await scene.pair({ transportOptions: PATIENT });
    const id = await scene.task(reader);
    if (!reader.capabilities.persistent) return;
    await store(state(id, "STARTED"));
    await server.kill();
    const stored = store(state(id, "SUCCESS", "kept"));
    stored.catch(() => undefined);
    await sleep(300);
    await server.start();
    await stored;
    assert.equal((await loaded(reader, id, "SUCCESS")).result, "kept");
  });

  define("while the server is away calls fail, and later they work again", async (scene: Scene) => {
    const { reader, store, writer } = await scene.pair({ transportOptions: IMPATIENT });
    const id = await scene.task(reader);
    await store(state(id, "STARTED"));
    await loaded(reader, id, "STARTED");
    await server.kill();
    try {
      if (reader.capabilities.persistent) {
        await rejects(harness, OperationalError, () => reader.load(id));
        await rejects(harness, OperationalError, () => drain(reader.watch([id])));
        await rejects(harness, OperationalError, () => reader.forget(id));
      }
      const error = await rejects(harness, CeleryError, () => store(state(id, "SUCCESS")));
      assert.equal(error.retriable, true);
    } finally {
      await server.start();
    }
    await until("storing to work again", () =>
      writer.store(state(id, "SUCCESS", 2), { replyTo: reader.replyTo, correlationId: id }).then(
        () => true,
        () => false,
      ),
    );
    if (reader.capabilities.persistent) assert.equal((await loaded(reader, id, "SUCCESS")).result, 2);
  });
}

import assert from "node:assert/strict";
import { LamportClock } from "../client/clock.js";
import type { Message } from "../protocol/message.js";
import { decodeEvents } from "../protocol/event.js";
import { type Deferred, deferred } from "../util/deferred.js";
import { silentLogger } from "../util/logger.js";
import { EventDispatcher } from "./events.js";

const task = { id: "one", sendsEvents: true };

describe("events of a worker", () => {
  it("join while a message is on its way, in order, and are bounded while the broker takes none", async () => {
    const sent: Message[] = [];
    const warned: string[] = [];
    let gate: Deferred<void> | undefined = deferred();
    const events = new EventDispatcher(
      {
        ...{ hostname: "w@host", clock: new LamportClock(), serializer: "json" },
        logger: { ...silentLogger, warn: (message) => void warned.push(message) },
        publish: async (message) => {
          await gate?.promise;
          sent.push(message);
        },
      },
      true,
    );
    events.task("task-received", task, {} as never);
    const first = events.flush();
    await Promise.resolve();
    for (let n = 0; n < 50_010; n++) events.task("task-started", task, {});
    gate.resolve();
    gate = undefined;
    await first;
    await events.flush();
    const types = sent.flatMap((message) => decodeEvents(message, null).map(({ type }) => type));
    assert.equal(types[0], "task-received");
    assert.equal(types.length, 1 + 50_000);
    const clocks = sent.flatMap((message) => decodeEvents(message, null).map(({ clock }) => clock));
    assert.deepEqual(
      clocks,
      [...clocks].sort((a, b) => a - b),
    );
    assert.deepEqual(warned, ["10 events were dropped: the broker took none for too long"]);
  });

  it("are not made for tasks that want none, nor when they are off", async () => {
    let published = 0;
    const publish = (): Promise<void> => Promise.resolve(void published++);
    const host = { hostname: "w@host", clock: new LamportClock(), serializer: "json", logger: silentLogger, publish };
    const events = new EventDispatcher(host, true);
    events.task("task-started", { id: "quiet", sendsEvents: false }, {});
    events.enabled = false;
    events.task("task-started", task, {});
    await events.flush();
    assert.equal(published, 0);
    events.enabled = true;
    events.task("task-started", task, {});
    await events.flush();
    assert.equal(published, 1);
  });
});

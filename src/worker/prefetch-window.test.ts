import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { PrefetchWindow, type WindowOptions } from "./prefetch-window.js";

function open(options: Partial<WindowOptions> = {}): { window: PrefetchWindow; asked: number[] } {
  const asked: number[] = [];
  const window = new PrefetchWindow(
    { concurrency: 3, multiplier: 4, etaLimit: null, reduces: true, ...options },
    (count) => void asked.push(count),
  );
  return { window, asked };
}

describe("prefetch window", () => {
  it("has so many for each task that can run, and one more for each that waits", async () => {
    const { window, asked } = open();
    assert.equal(window.count, 12);
    window.waiting = 5;
    assert.equal(window.count, 17);
    await turn();
    window.waiting = 0;
    window.concurrency = 2;
    await turn();
    assert.deepEqual(asked, [17, 8]);
  });

  it("asks once for all changes of a turn, and not for those that came to nothing", async () => {
    const { window, asked } = open();
    for (let n = 1; n <= 1000; n++) window.waiting = n;
    await turn();
    assert.deepEqual(asked, [1012]);
    window.waiting = 1001;
    window.waiting = 1000;
    await turn();
    assert.deepEqual(asked, [1012]);
  });

  it("has no limit with multiplier 0, whatever waits", async () => {
    const { window, asked } = open({ multiplier: 0, etaLimit: 10 });
    window.waiting = 100;
    window.concurrency = 7;
    window.reduce(3);
    assert.equal(window.count, 0);
    await turn();
    assert.deepEqual(asked, []);
  });

  it("stays within AMQP's 16 bits (Celery would go on without a limit)", () => {
    const { window } = open();
    window.waiting = 1_000_000;
    assert.equal(window.count, 65_535);
    assert.equal(open({ concurrency: 50_000 }).window.count, 65_535);
  });

  it("is not raised above worker_eta_task_limit, nor lowered by it", () => {
    const { window } = open({ etaLimit: 20 });
    window.waiting = 8;
    assert.equal(window.count, 20);
    window.waiting = 500;
    assert.equal(window.count, 20);
    // Kombu counts down from the limit here, and ends at 1.
    window.waiting = 0;
    assert.equal(window.count, 12);
    const small = open({ etaLimit: 5 }).window;
    small.waiting = 1;
    assert.equal(small.count, 12);
  });

  it("keeps the places of tasks that run over a lost connection until they end", () => {
    const { window } = open();
    window.reduce(2);
    assert.equal(window.count, 4);
    window.waiting = 1;
    assert.equal(window.count, 5);
    window.ended();
    assert.equal(window.count, 9);
    window.ended();
    window.ended();
    assert.equal(window.count, 13);
    window.reduce(3);
    assert.equal(window.count, 5, "there is always room for one task's messages");
    const fixed = open({ reduces: false }).window;
    fixed.reduce(2);
    assert.equal(fixed.count, 12);
  });
});

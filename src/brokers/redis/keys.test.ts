import assert from "node:assert/strict";
import { topicPattern } from "../../protocol/queue.js";
import { Keys } from "./keys.js";
import { redisSettings } from "./settings.js";

const keysWith = (options: Record<string, unknown> = {}, db = 0): Keys => new Keys(redisSettings(options), db);

describe("redis key names", () => {
  it("puts priorities 0 to 2 under the bare name and the others under the step below", () => {
    const keys = keysWith();
    const names = Array.from({ length: 10 }, (_, priority) => keys.list("celery", priority));
    const at = (step: number): string => `celery\x06\x16${step}`;
    assert.deepEqual(names, ["celery", "celery", "celery", at(3), at(3), at(3), at(6), at(6), at(6), at(9)]);
    assert.deepEqual(keys.lists("celery"), ["celery", at(3), at(6), at(9)]);
  });

  it("orders the lists of several queues by step first", () => {
    const keys = keysWith({ priority_steps: [5, 0], sep: ":" });
    assert.deepEqual(keys.listsByStep(["a", "b"]), ["a", "b", "a:5", "b:5"]);
  });

  it("writes binding members as kombu does", () => {
    const keys = keysWith({ global_keyprefix: "p:" });
    const route = { routingKey: "a.#", pattern: topicPattern("a.#"), queue: "tq" };
    assert.equal(keys.bindings("ex"), "p:_kombu.binding.ex");
    assert.equal(keys.member(route), "a.#\x06\x16^a\\..*?$\x06\x16tq");
    assert.deepEqual(keys.route(keys.member(route)), route);
  });

  it("names fanout channels with database, exchange and routing key", () => {
    const keys = keysWith({}, 3);
    assert.equal(keys.channel("celery.pidbox", ""), "/3.celery.pidbox");
    assert.equal(keys.channel("celeryev", "worker.heartbeat"), "/3.celeryev/worker.heartbeat");
    assert.equal(keys.channelPattern("celeryev", "#"), "/3.celeryev/*");
    assert.equal(keys.channelPattern("celeryev", "worker.#"), "/3.celeryev/worker.*");
    assert.equal(keys.channelPattern("celeryev", "worker.*"), "/3.celeryev/worker.*");
    assert.equal(keys.channelPattern("odd[1]*?", ""), "/3.odd\\[1\\]\\*\\?");
  });

  it("follows the fanout options", () => {
    assert.equal(keysWith({ fanout_prefix: false }).channel("ex", "rk"), "ex/rk");
    assert.equal(keysWith({ fanout_prefix: "/app{db}." }, 2).channel("ex", "rk"), "/app2.ex/rk");
    assert.equal(keysWith({ fanout_patterns: false }).channel("ex", "rk"), "/0.ex");
    assert.equal(keysWith({ global_keyprefix: "P" }).channel("celeryev", "a"), "P/0.celeryev/a");
  });
});

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
    assert.deepEqual(keys.channels("celery.pidbox", ""), ["/3.celery.pidbox"]);
    assert.deepEqual(keys.channels("celeryev", "worker.heartbeat"), ["/3.celeryev/worker.heartbeat"]);
    assert.deepEqual(keys.channelPatterns("celeryev", "#"), ["/3.celeryev/*"]);
    assert.deepEqual(keys.channelPatterns("celeryev", "worker.#"), ["/3.celeryev/worker.*"]);
    assert.deepEqual(keys.channelPatterns("celeryev", "worker.*"), ["/3.celeryev/worker.*"]);
    assert.deepEqual(keys.channelPatterns("odd[1]*?", ""), ["/3.odd\\[1\\]\\*\\?"]);
  });

  it("follows the fanout options", () => {
    assert.deepEqual(keysWith({ fanout_prefix: false }).channels("ex", "rk"), ["ex/rk"]);
    assert.deepEqual(keysWith({ fanout_prefix: "/app{db}." }, 2).channels("ex", "rk"), ["/app2.ex/rk"]);
    assert.deepEqual(keysWith({ fanout_patterns: false }).channels("ex", "rk"), ["/0.ex"]);
    assert.deepEqual(keysWith({ global_keyprefix: "P" }).channels("celeryev", "a"), ["P/0.celeryev/a"]);
  });

  it("adds the channels of kombu before 5.4 when told so, where they differ", () => {
    const compat = { sentinel_fanout_compat: true };
    assert.deepEqual(keysWith(compat, 2).channels("ex", "rk"), ["/2.ex/rk", "/{db}.ex/rk"]);
    assert.deepEqual(keysWith(compat, 2).channelPatterns("ex", "#"), ["/2.ex/*", "/{db}.ex/*"]);
    assert.equal(keysWith(compat, 2).repeatsFanout, true);
    assert.deepEqual(keysWith({ ...compat, fanout_prefix: "/own." }).channels("ex", ""), ["/own.ex"]);
  });
});

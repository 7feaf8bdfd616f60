import assert from "node:assert/strict";
import { ImproperlyConfigured, QueueNotFound } from "../errors.js";
import { type Config, resolveConfig } from "./config.js";
import { Queues } from "./queues.js";
import { Router } from "./router.js";
import type { CallOptions } from "./types.js";

function route(settings: Partial<Config>, name: string, options: CallOptions = {}) {
  const config = resolveConfig(settings);
  const router = new Router(new Queues(config), config);
  const expanded = router.expand(name, [], {}, options);
  const { destination, declare } = router.destination(expanded);
  return {
    exchange: destination.exchange.name,
    key: destination.routingKey,
    queue: declare[0]?.name,
    options: expanded,
  };
}

describe("routing (celery/app/routes.py, send_task_message)", () => {
  it("sends to the default queue through the default exchange", () => {
    const { exchange, key, queue } = route({}, "t");
    assert.deepEqual([exchange, key, queue], ["", "celery", "celery"]);
  });

  it("prefers exact names, then globs in order", () => {
    const taskRoutes = { "proj.*": "many", "proj.one": "one", "*.two": { queue: "two", priority: 3 } };
    assert.equal(route({ taskRoutes }, "proj.one").key, "one");
    assert.equal(route({ taskRoutes }, "proj.two").key, "many");
    assert.equal(route({ taskRoutes }, "other.two").key, "two");
    assert.equal(route({ taskRoutes }, "other.two").options.priority, 3);
    assert.equal(route({ taskRoutes }, "else").key, "celery");
    assert.equal(route({ taskRoutes: { "a.*": "x" } }, "b.a.c").key, "celery", "a glob matches the whole name");
  });

  it("takes regular expressions that match at the start, functions, and lists of them", () => {
    const taskRoutes = [[/(video|image)\./g, "media"]] as const;
    for (let i = 0; i < 3; i++) assert.equal(route({ taskRoutes }, "video.cut").key, "media");
    assert.equal(route({ taskRoutes }, "my.video.cut").key, "celery");
    const asked = route({ taskRoutes: [() => null, { t: "from-map" }, () => "never"] }, "t");
    assert.equal(asked.key, "from-map");
    assert.equal(route({ taskRoutes: (name) => `q-${name}` }, "t").key, "q-t");
    assert.throws(() => route({ taskRoutes: [42] as never }, "t"), ImproperlyConfigured);
  });

  it("lets the options of the call win over the routes", () => {
    const taskRoutes = { t: { queue: "routed", priority: 1 } };
    assert.equal(route({ taskRoutes }, "t", { queue: "mine" }).key, "mine");
    assert.equal(route({ taskRoutes }, "t", { priority: 7 }).options.priority, 7);
    assert.equal(route({ taskRoutes }, "t", { priority: 7 }).key, "routed");
  });

  it("uses the named exchange of queues that are not direct", () => {
    const taskQueues = { events: { exchange: "bus", exchangeType: "topic", routingKey: "event.#" } } as const;
    const { exchange, key, queue } = route({ taskQueues }, "t", { queue: "events", routingKey: "event.new" });
    assert.deepEqual([exchange, key, queue], ["bus", "event.new", "events"]);
    assert.equal(route({ taskQueues }, "t", { queue: "events" }).key, "event.#");
  });

  it("needs both ends named to leave the default exchange for a direct one", () => {
    assert.deepEqual(pick(route({}, "t", { exchange: "x" })), ["", "celery"]);
    assert.deepEqual(pick(route({}, "t", { exchange: "x", routingKey: "y" })), ["x", "y"]);
  });

  it("makes missing queues, or refuses them", () => {
    assert.equal(route({}, "t", { queue: "new" }).queue, "new");
    const refused = { taskCreateMissingQueues: false, taskQueues: { a: {} } };
    assert.throws(
      () => route(refused, "t", { queue: "b" }),
      (error) => error instanceof QueueNotFound && /"b"/.test(error.message),
    );
  });

  it("turns queue settings into x- arguments in milliseconds", () => {
    const config = resolveConfig({
      taskQueues: [{ name: "q", maxPriority: 9, expires: 60, messageTtl: 1.5 }],
      taskCreateMissingQueueType: "quorum",
    });
    const queues = new Queues(config);
    assert.deepEqual(queues.get("q").arguments, { "x-max-priority": 9, "x-expires": 60000, "x-message-ttl": 1500 });
    assert.deepEqual(queues.get("made").arguments, { "x-queue-type": "quorum" });
    assert.throws(
      () => new Queues(resolveConfig({ taskQueues: { q: { maxPrio: 1 } as object } })),
      /maxPriority|unknown setting/,
    );
  });
});

const pick = (routed: { exchange: string; key: string }): string[] => [routed.exchange, routed.key];

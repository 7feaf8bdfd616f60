import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../errors.js";
import { resolveConfig } from "./config.js";
import { Queues } from "./queues.js";
import { Router } from "./router.js";

describe("queues of every kind", () => {
  it("broadcasts through a queue of one's own at a shared fanout exchange", () => {
    const config = resolveConfig({ taskQueues: { celery: {}, all: { broadcast: true } } });
    const [one, two] = [new Queues(config), new Queues(config)];
    const mine = one.get("all");
    assert.match(mine.name, /^bcast\.[0-9a-f-]{36}$/);
    assert.notEqual(mine.name, two.get("all").name);
    assert.equal(one.get("all"), mine);
    assert.ok(mine.autoDelete && mine.durable);
    assert.deepEqual([mine.exchange.name, mine.exchange.type, mine.routingKey], ["all", "fanout", "celery"]);
    assert.equal(one.configured.includes(mine), true);
    const routed = new Router(one, config).destination({ queue: "all" });
    assert.deepEqual(routed, {
      destination: { exchange: mine.exchange, routingKey: "celery" },
      ...{ declare: [], mandatory: false },
    });
  });

  it("has bindings with arguments", () => {
    const config = resolveConfig({
      taskQueues: {
        box: {
          ...{ exchange: "h", exchangeType: "headers", bindingArguments: { "x-match": "any", a: 1 } },
          bindings: [
            { exchange: "t", exchangeType: "topic", routingKey: "x.*" },
            { exchange: { name: "d", durable: false } },
          ],
        },
      },
    });
    const { bindingArguments, bindings, exchange } = new Queues(config).get("box");
    assert.equal(exchange.type, "headers");
    assert.deepEqual(bindingArguments, { "x-match": "any", a: 1 });
    const seen = bindings.map((one) => [one.exchange.name, one.exchange.type, one.exchange.durable, one.routingKey]);
    assert.deepEqual(seen, [
      ["t", "topic", true, "x.*"],
      ["d", "direct", false, ""],
    ]);
  });

  it("refuses what is no setting of a queue", () => {
    const config = resolveConfig({ taskQueues: { q: { bindingArgument: {} } as object } });
    assert.throws(() => new Queues(config), ImproperlyConfigured);
  });
});

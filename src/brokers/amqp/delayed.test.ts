import assert from "node:assert/strict";
import { exchange, queue, toQueue } from "../../protocol/queue.js";
import type { Queue } from "../../protocol/queue.js";
import { delayedRoute, MAX_DELAY, undelayed } from "./delayed.js";

describe("amqp delayed delivery", () => {
  const topic = exchange("bus", { type: "topic" });
  const quorum = { "x-queue-type": "quorum" };
  const jobs = queue("jobs", { exchange: topic, routingKey: "jobs.#", arguments: quorum });
  const route = (seconds: number, to = { exchange: topic, routingKey: "jobs.a" }, queues: Queue[] = [jobs]) =>
    delayedRoute(to, { until: Date.now() + seconds * 1000, queues })?.routingKey;
  const labels = (bits: string): string => [...bits.padStart(28, "0")].join(".");

  it("writes whole seconds as 28 labels before the key", () => {
    assert.equal(route(5), `${labels("101")}.jobs.a`);
    assert.equal(route(1.5), `${labels("1")}.jobs.a`);
    assert.equal(route(86400), `${labels((86400).toString(2))}.jobs.a`);
  });

  it("cuts what is longer than the levels reach", () => {
    assert.equal(route(2 ** 28), `${labels(MAX_DELAY.toString(2))}.jobs.a`);
    assert.equal(route(1e11), `${labels("1".repeat(28))}.jobs.a`);
  });

  it("replaces the labels of an earlier delay", () => {
    const again = { exchange: topic, routingKey: `${labels("111")}.jobs.a` };
    assert.equal(route(2.5, again), `${labels("10")}.jobs.a`);
  });

  it("leaves to the worker what cannot be held back", () => {
    assert.equal(route(0.9), undefined);
    assert.equal(route(-5), undefined);
    assert.equal(route(5, toQueue("jobs")), undefined);
    assert.equal(route(5, { exchange: topic, routingKey: "" }), undefined);
    assert.equal(route(5, { exchange: topic, routingKey: "k".repeat(200) }), undefined);
    assert.equal(route(5, { exchange: exchange("other", { type: "topic" }), routingKey: "jobs.a" }), undefined);
    const classic = queue("jobs", { exchange: topic, routingKey: "jobs.#" });
    assert.equal(route(5, undefined, [classic]), undefined);
    // Any quorum queue of the application is enough, as in Celery.
    assert.ok(route(5, undefined, [classic, queue("other", { arguments: quorum })]));
    const passing = queue("passing", { exchange: topic, autoDelete: true, arguments: quorum });
    assert.equal(route(5, undefined, [passing]), undefined);
    const direct = queue("direct", { arguments: quorum });
    assert.equal(route(5, { exchange: direct.exchange, routingKey: "direct" }, [direct]), undefined);
  });

  it("leaves to the worker what no known binding would take out of the delivery exchange", () => {
    assert.equal(route(5, { exchange: topic, routingKey: "mails.a" }), undefined);
    const news = exchange("news", { type: "fanout" });
    const listener = queue("news", { exchange: news, routingKey: "news", arguments: quorum });
    assert.ok(route(5, { exchange: news, routingKey: "news" }, [listener]));
    assert.equal(route(5, { exchange: news, routingKey: "other" }, [listener]), undefined);
  });

  it("tells where a delivery was meant to go", () => {
    for (const name of ["celery_delayed_delivery", "celery_delayed_0", "celery_delayed_26", "mine_celery_delayed_3"])
      assert.deepEqual(undelayed(name, `${labels("101")}.jobs.a`, jobs), { exchange: "bus", routingKey: "jobs.a" });
    assert.deepEqual(undelayed("bus", `${labels("101")}.jobs.a`, jobs).exchange, "bus");
    assert.deepEqual(undelayed("bus", "0.1.jobs", jobs), { exchange: "bus", routingKey: "0.1.jobs" });
    const ways = [
      { exchange: exchange("second", { type: "topic" }), routingKey: "a.*.c", arguments: {} },
      { exchange: exchange("third", { type: "fanout" }), routingKey: "", arguments: {} },
    ];
    const many = queue("many", { exchange: topic, routingKey: "jobs.#", bindings: ways });
    const way = (key: string): string => undelayed("celery_delayed_0", `${labels("1")}.${key}`, many).exchange;
    assert.deepEqual(["jobs", "jobs.a.b", "a.b.c", "a.c", "x"].map(way), ["bus", "bus", "second", "third", "third"]);
    assert.deepEqual(undelayed("celery_delayed_x", `${labels("1")}.a`, jobs).exchange, "celery_delayed_x");
  });
});

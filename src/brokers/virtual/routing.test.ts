import assert from "node:assert/strict";
import { topicPattern } from "../../protocol/queue.js";
import { QueueCycle, queuesFor } from "./routing.js";

describe("routing over bindings", () => {
  it("matches direct bindings by equality and topic bindings by pattern, each queue once", () => {
    const routes = [
      { routingKey: "a.b", pattern: "", queue: "direct" },
      { routingKey: "a.*", pattern: topicPattern("a.*"), queue: "topic" },
      { routingKey: "#", pattern: topicPattern("#"), queue: "topic" },
      { routingKey: "", pattern: "", queue: "empty" },
    ];
    assert.deepEqual(queuesFor(routes, "a.b"), ["direct", "topic"]);
    assert.deepEqual(queuesFor(routes, "b"), ["topic"]);
    assert.deepEqual(queuesFor(routes, ""), ["topic", "empty"]);
  });
});

describe("queue cycle", () => {
  const cycleOf = (order: "round_robin" | "priority" | "sorted"): QueueCycle => {
    const cycle = new QueueCycle(order);
    for (const queue of ["b", "a", "c", "a"]) cycle.add(queue);
    cycle.served("b");
    return cycle;
  };
  it("moves the queue just served to the end", () => {
    const cycle = cycleOf("round_robin");
    assert.deepEqual(cycle.queues, ["a", "c", "b"]);
    cycle.served("c");
    cycle.served("unknown");
    cycle.remove("a");
    assert.deepEqual(cycle.queues, ["b", "c"]);
  });
  it("keeps the declared or the sorted order", () => {
    assert.deepEqual(cycleOf("priority").queues, ["b", "a", "c"]);
    assert.deepEqual(cycleOf("sorted").queues, ["a", "b", "c"]);
  });
});

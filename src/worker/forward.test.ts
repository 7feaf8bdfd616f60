import assert from "node:assert/strict";
import { Celery, type CeleryOptions } from "../client/app.js";
import type { ResultNode } from "../protocol/result.js";
import { type SignatureDocument, signatureDocument } from "../protocol/signature.js";
import { type TaskRequest, decodeTask, taskRequest } from "../protocol/task-message.js";
import { newId } from "../util/id.js";
import { Forwarder, type Links } from "./forward.js";

/** What leaves the worker for a signature. What is expected here was taken from the messages of Celery 5.7's worker. */
async function sent(
  send: (forwarder: Forwarder, links: Links) => Promise<ResultNode>,
  settings: Partial<CeleryOptions> = {},
): Promise<{ requests: TaskRequest[]; trail: ResultNode }> {
  await using app = new Celery({ broker: `memory://${newId()}`, ...settings });
  const parent = taskRequest({ id: "parent", task: "first", rootId: "root" });
  const forwarder = new Forwarder(app.taskPublisher, app.router, app.conf);
  const trail = await send(forwarder, { parent, parentId: "parent", rootId: "root", priority: 6 });
  const broker = await app.broker();
  const requests: TaskRequest[] = [];
  const consumer = broker.consume([app.queues.get("celery")], { prefetch: 0 });
  const last = taskRequest({ id: "last", task: "last" });
  await forwarder.publish(last, {}, last);
  for await (const delivery of consumer) {
    const request = decodeTask(delivery.message, { accept: new Set(["application/json"]) });
    if (request.id === "last") break;
    requests.push(request);
  }
  await consumer.close();
  return { requests, trail };
}

const sig = (arg: number, options: Record<string, unknown> = {}): SignatureDocument =>
  signatureDocument({ task: "step", args: [arg], options });
const group = (tasks: readonly SignatureDocument[], options = {}): SignatureDocument =>
  signatureDocument({ task: "celery.group", kwargs: { tasks }, options, subtask_type: "group" });
const chain = (tasks: readonly SignatureDocument[], options = {}): SignatureDocument =>
  signatureDocument({ task: "celery.chain", kwargs: { tasks }, options, subtask_type: "chain" });
const ids = (node: ResultNode): unknown => node.children?.map(ids) ?? node.id;

describe("worker: what is sent next", () => {
  it("a step has the sender's root and parent, whatever it says itself", async () => {
    const stored = sig(1, { root_id: "other", parent_id: "other", group_id: "g", group_index: 3 });
    const { requests } = await sent((forwarder, links) => forwarder.send(stored, ["v"], links));
    const [{ rootId, parentId, group: groupId, groupIndex, args }] = requests as [TaskRequest];
    assert.deepEqual([rootId, parentId, groupId, groupIndex, args], ["root", "parent", "g", 3, ["v", 1]]);
    const own = await sent((forwarder, links) => forwarder.send(stored, [], { ...links, own: true }));
    assert.deepEqual([own.requests[0]?.rootId, own.requests[0]?.parentId], ["other", "other"]);
  });

  it("a step takes the priority of its sender where that is inherited, a body keeps its own", async () => {
    const settings = { taskInheritParentPriority: true };
    const priorities = async (own: boolean, options: object): Promise<number | null | undefined> =>
      (await sent((forwarder, links) => forwarder.send(sig(1, { ...options }), [], { ...links, own }), settings))
        .requests[0]?.priority;
    assert.deepEqual(
      await Promise.all([priorities(false, { priority: 2 }), priorities(true, { priority: 2 })]),
      [6, 2],
    );
    assert.deepEqual(await priorities(true, {}), 6);
  });

  it("the options of a group are those of each member, but for its id and priority", async () => {
    const members = [sig(1, { shadow: "mine" }), sig(2, { priority: 3 })];
    const options = { task_id: "gid", shadow: "shown", headers: { g: 1 }, priority: 8, time_limit: 9 };
    const { requests, trail } = await sent((forwarder, links) => forwarder.send(group(members, options), [], links));
    // The memory broker hands out by priority.
    requests.sort((a, b) => Number(a.groupIndex) - Number(b.groupIndex));
    for (const [index, request] of requests.entries()) {
      assert.deepEqual([request.group, request.groupIndex, request.shadow], ["gid", index, "shown"]);
      assert.deepEqual([request.headers, request.timeLimit[0]], [{ g: 1 }, 9]);
    }
    assert.deepEqual(
      requests.map(({ priority }) => priority ?? 0),
      [0, 3],
    );
    assert.equal(trail.id, "gid");
  });

  it("groups within groups are one, and count anew", async () => {
    const nested = group([sig(1), group([sig(2), sig(3)], { task_id: "inner" }), sig(4)]);
    const { requests, trail } = await sent((forwarder, links) => forwarder.send(nested, [], links));
    assert.deepEqual(
      requests.map(({ args, groupIndex }) => [args[0], groupIndex]),
      [
        [1, 0],
        [2, 0],
        [3, 1],
        [4, 2],
      ],
    );
    assert.deepEqual(new Set(requests.map((request) => request.group)), new Set([trail.id]));
    assert.deepEqual(
      ids(trail),
      requests.map(({ id }) => id),
    );
  });

  it("a chain goes out as its first step with the others in reverse", async () => {
    const errback = sig(8);
    const options = { task_id: "last-id", shadow: "shown", link: [sig(7)], link_error: [errback] };
    const steps = [sig(1), chain([sig(2), sig(3)])];
    const { requests, trail } = await sent((forwarder, links) => forwarder.send(chain(steps, options), ["v"], links));
    const [first] = requests as [TaskRequest];
    assert.equal(requests.length, 1);
    assert.deepEqual([first.args, first.shadow, first.callbacks, first.errbacks], [["v", 1], "shown", null, [errback]]);
    const [last, second] = first.chain as [SignatureDocument, SignatureDocument];
    assert.deepEqual([last.args, last.options], [[3], { link_error: [errback], link: [sig(7)], task_id: "last-id" }]);
    assert.deepEqual([second.args, Object.keys(second.options).sort()], [[2], ["link_error", "task_id"]]);
    // The trail names what was sent.
    assert.deepEqual(trail, { id: first.id, parent: null, children: null });
  });

  it("a chain of one has nothing left of it", async () => {
    const { requests } = await sent((forwarder, links) => forwarder.send(chain([sig(1)]), [], links));
    assert.deepEqual(requests[0]?.chain, []);
  });

  it("of a chain in a group the last step is the member", async () => {
    const members = [chain([sig(1, { task_id: "a" }), sig(2, { task_id: "b" })]), sig(3, { task_id: "c" })];
    const { requests, trail } = await sent((forwarder, links) =>
      forwarder.send(group(members, { task_id: "gid" }), [], { ...links, chain: [] }),
    );
    const [first, other] = requests as [TaskRequest, TaskRequest];
    assert.deepEqual([first.group, first.groupIndex, other.group, other.groupIndex], [null, null, "gid", 1]);
    assert.deepEqual(first.chain?.[0]?.options, { task_id: "b", group_id: "gid", group_index: 0 });
    assert.deepEqual([ids(trail), trail.children?.[0]?.parent?.id], [["b", "c"], "a"]);
  });

  it("what is left of the sender's chain wins over a step's own", async () => {
    const step = sig(1, { chain: [sig(9)] });
    const { requests } = await sent((forwarder, links) => forwarder.send(step, [], { ...links, chain: [sig(5)] }));
    assert.deepEqual(requests[0]?.chain, [sig(5)]);
    const alone = await sent((forwarder, links) => forwarder.send(step, [], links));
    assert.deepEqual(alone.requests[0]?.chain, [sig(9)]);
  });

  it("refuses chords wherever they are, and chains that it cannot take apart", () => {
    const chord = signatureDocument({ task: "celery.chord", subtask_type: "chord" });
    for (const [signature, text] of [
      [chord, /is a chord,/],
      [group([group([chord])]), /is a chord,/],
      [chain([sig(1), chord]), /is a chain with a chord,/],
      [chain([sig(1), chain([group([sig(2)])])]), /is a chain with a group,/],
      [chain([]), /is a chain without steps,/],
    ] as const)
      assert.throws(() => Forwarder.assertSendable([signature]), text);
    Forwarder.assertSendable([group([chain([sig(1)])]), sig(1), chain([sig(1), sig(2)])]);
  });
});

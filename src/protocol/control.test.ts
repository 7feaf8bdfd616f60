import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError } from "../errors.js";
import { mapping, mutated, orNull, thrownBy } from "./arbitraries.test.js";
import {
  controlExchange,
  controlQueue,
  controlRequest,
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
  eventExchange,
  eventQueue,
  matchesNode,
  readControlRequest,
  replyExchange,
  replyQueue,
} from "./control.js";
import { Float } from "./values.js";

const JSON_ONLY = new Set(["application/json"]);
const replyTo = { exchange: "reply.celery.pidbox", routingKey: "oid" };

describe("control requests", () => {
  it("have kombu's keys, ticket and reply address only when a reply is wanted", () => {
    assert.deepEqual(controlRequest({ method: "ping" }), {
      method: "ping",
      arguments: {},
      destination: null,
      pattern: null,
      matcher: null,
    });
    assert.deepEqual(controlRequest({ method: "ping", destination: ["w1@vm"], ticket: "t", replyTo }), {
      method: "ping",
      arguments: {},
      destination: ["w1@vm"],
      pattern: null,
      matcher: null,
      ticket: "t",
      reply_to: { exchange: "reply.celery.pidbox", routing_key: "oid" },
    });
  });

  it("come back as they were, with the clock", () => {
    const requests = fc.record({
      method: fc.stringMatching(/^[a-z_]+$/),
      arguments: mapping,
      destination: orNull(fc.array(fc.string(), { maxLength: 3 })),
      pattern: orNull(fc.string()),
      matcher: orNull(fc.constantFrom("glob", "pcre")),
      ticket: fc.constant("t"),
      replyTo: fc.constant(replyTo),
    });
    fc.assert(
      fc.property(requests, (request) => {
        const message = encodeControlRequest(request, { clock: 3, expires: 1.5 });
        assert.deepEqual(message.headers, { clock: 3, expires: 1.5 });
        assert.deepEqual(decodeControlRequest(message, JSON_ONLY), { ...request, clock: 3 });
      }),
      { numRuns: 100 },
    );
  });

  it("need a method only; what they do not know is ignored", () => {
    assert.deepEqual(readControlRequest({ method: "ping", more: 1 }), {
      method: "ping",
      arguments: {},
      destination: null,
      pattern: null,
      matcher: null,
      ticket: null,
      replyTo: null,
    });
  });

  it("throw only DecodeError, whatever comes", () => {
    const whole = controlRequest({
      method: "ping",
      destination: ["a"],
      pattern: "*",
      matcher: "pcre",
      ticket: "t",
      replyTo,
    });
    fc.assert(
      fc.property(mutated(fc.constant(whole)), (body) => {
        const error = thrownBy(() => matchesNode({ ...readControlRequest(body), destination: null }, "w1@vm"));
        assert.ok(error === undefined || error instanceof DecodeError, String(error));
      }),
      { numRuns: 500 },
    );
  });
});

describe("the node that is meant", () => {
  const meant = (request: Partial<Parameters<typeof matchesNode>[0]>, node = "w1@vm"): boolean =>
    matchesNode({ destination: null, pattern: null, matcher: null, ...request }, node);

  it("is one of the destination, exactly", () => {
    assert.equal(meant({ destination: ["w1@vm"] }), true);
    for (const node of ["w1", "w1@vm2", "xw1@vm"]) assert.equal(meant({ destination: [node] }), false);
    assert.equal(meant({ destination: ["other"], pattern: "*", matcher: "glob" }), false);
  });

  it("matches the pattern: glob wholly, pcre from the start", () => {
    assert.equal(meant({ pattern: "w?@*", matcher: "glob" }), true);
    assert.equal(meant({ pattern: "w1", matcher: "glob" }), false);
    assert.equal(meant({ pattern: "w1", matcher: "pcre" }), true);
    assert.equal(meant({ pattern: "vm", matcher: "pcre" }), false);
    assert.equal(meant({ pattern: "(?P<n>w)\\d@vm\\Z", matcher: "pcre" }), true);
  });

  it("is everybody when nobody is named or only one of pattern and matcher is given", () => {
    assert.equal(meant({}), true);
    assert.equal(meant({ destination: [] }), true);
    assert.equal(meant({ pattern: "x" }), true);
    assert.equal(meant({ matcher: "glob" }), true);
  });

  it("cannot be told with an unknown matcher or a broken pattern", () => {
    assert.throws(() => meant({ pattern: "x", matcher: "magic" }), { name: "DecodeError", message: /"magic"/ });
    assert.throws(() => meant({ pattern: "(", matcher: "pcre" }), { name: "DecodeError", message: /pattern/ });
  });
});

describe("control replies", () => {
  it("are the answer by node name, with ticket and clock as headers", () => {
    const message = encodeControlReply("w1@vm", { ok: "pong" }, { ticket: "t", clock: 8 });
    assert.equal(Buffer.from(message.body).toString(), '{"w1@vm": {"ok": "pong"}}');
    assert.deepEqual(message.headers, { ticket: "t", clock: 8 });
    assert.equal(message.properties.deliveryMode, 1);
    const reply = decodeControlReply(message, JSON_ONLY);
    assert.deepEqual({ ...reply.replies }, { "w1@vm": { ok: "pong" } });
    assert.deepEqual([reply.ticket, reply.clock], ["t", 8]);
  });

  it("pitfall 40: can hold floats that stay floats, as the revoked ids of hello must", () => {
    const revoked = { x1: [new Float(1376), "x1"] };
    const message = encodeControlReply("n", { revoked }, { ticket: "t", clock: 1 });
    assert.equal(Buffer.from(message.body).toString(), '{"n": {"revoked": {"x1": [1376.0, "x1"]}}}');
  });

  it("have to be objects", () => {
    const message = { ...encodeControlReply("n", 1, { ticket: null, clock: 1 }), body: Buffer.from("[1]") };
    assert.throws(() => decodeControlReply(message, JSON_ONLY), DecodeError);
  });
});

describe("mailboxes", () => {
  it("pitfall 39: pidbox exchanges are not durable, celeryev is a durable topic", () => {
    assert.deepEqual(
      [controlExchange().name, controlExchange().type, controlExchange().durable],
      [...(["celery.pidbox", "fanout", false] as const)],
    );
    assert.deepEqual(
      [replyExchange().name, replyExchange().type, replyExchange().durable],
      [...(["reply.celery.pidbox", "direct", false] as const)],
    );
    assert.deepEqual(
      [eventExchange().name, eventExchange().type, eventExchange().durable],
      [...(["celeryev", "topic", true] as const)],
    );
    assert.equal(eventExchange("celeryev", "fanout").type, "fanout");
  });

  it("are Celery's queues", () => {
    const control = controlQueue("w1@vm");
    assert.equal(control.name, "w1@vm.celery.pidbox");
    assert.deepEqual(control.arguments, { "x-expires": 10_000, "x-message-ttl": 300_000 });
    assert.deepEqual(
      [control.durable, control.autoDelete, control.exclusive, control.routingKey],
      [...([false, true, true, ""] as const)],
    );
    const reply = replyQueue("oid", { name: "proj", exclusive: false });
    assert.equal(reply.name, "oid.reply.proj.pidbox");
    assert.equal(reply.exchange.name, "reply.proj.pidbox");
    assert.deepEqual([reply.routingKey, reply.exclusive], ["oid", false]);
    const events = eventQueue("u", { routingKey: "worker.#" });
    assert.equal(events.name, "celeryev.u");
    assert.deepEqual(events.arguments, { "x-expires": 60_000, "x-message-ttl": 5_000 });
    assert.equal(events.routingKey, "worker.#");
    assert.deepEqual(eventQueue("u", { durable: true, expires: null }).exclusive, false);
  });
});

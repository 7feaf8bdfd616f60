import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError, EncodeError } from "../errors.js";
import { mutated, thrownBy } from "./arbitraries.test.js";
import {
  decodeEvents,
  encodeEvent,
  eventBatchRoutingKey,
  eventDocument,
  eventGroup,
  eventRoutingKey,
  isCustomEvent,
  utcOffset,
} from "./event.js";
import type { EventDocument } from "./event.js";
import type { Message } from "./message.js";
import { encodeContent } from "./serializers/registry.js";

const JSON_ONLY = new Set(["application/json"]);
const sender = { hostname: "ts1@host", clock: 7 };
const heartbeat = {
  ...{ freq: 2, active: 0, processed: 0, loadavg: [0.1, 0.1, 0.1] },
  ...{ sw_ident: "ts-celery", sw_ver: "0.1.0", sw_sys: "Linux" },
};
const messageOf = (value: unknown, headers: Record<string, unknown> = { hostname: "ts1@host" }): Message => ({
  ...encodeContent(value, "json"),
  headers,
  properties: {},
});

describe("events", () => {
  it("carry the common fields, the timestamp in seconds (pitfall 35)", () => {
    const before = Date.now() / 1000;
    const event = eventDocument("worker-heartbeat", heartbeat, sender);
    assert.deepEqual(
      { ...event, timestamp: 0 },
      {
        ...heartbeat,
        type: "worker-heartbeat",
        hostname: "ts1@host",
        utcoffset: utcOffset(),
        pid: process.pid,
        clock: 7,
        timestamp: 0,
      },
    );
    assert.ok(event.timestamp >= before && event.timestamp <= Date.now() / 1000);
  });

  it("pitfall 37: utcoffset counts hours west, rounded down", () => {
    const at = (minutes: number): number => utcOffset({ getTimezoneOffset: () => minutes } as Date);
    assert.deepEqual([at(-60), at(300), at(-330), at(0)], [-1, 5, -6, 0]);
  });

  it("have the type with dots as routing key, batches .multi", () => {
    assert.equal(eventRoutingKey("worker-elect-ack"), "worker.elect.ack");
    assert.equal(eventBatchRoutingKey(eventGroup("task-sent")), "task.multi");
  });

  it("pitfall 36: always have the hostname header", () => {
    const message = encodeEvent(eventDocument("task-started", { uuid: "x" }, sender));
    assert.deepEqual(message.headers, { hostname: "ts1@host" });
    assert.equal(message.properties.deliveryMode, 1);
  });

  it("come back alone and in batches (pitfall 38)", () => {
    const events: EventDocument[] = [
      eventDocument("task-started", { uuid: "x" }, sender),
      eventDocument("task-succeeded", { uuid: "x", result: "3", runtime: 0.02 }, sender),
    ];
    assert.deepEqual(decodeEvents(encodeEvent(events[0] as EventDocument), JSON_ONLY), [events[0]]);
    assert.deepEqual(decodeEvents(encodeEvent(events), JSON_ONLY), events);
    assert.deepEqual(decodeEvents(messageOf([]), JSON_ONLY), []);
  });

  it("are a union told apart by type", () => {
    const [event] = decodeEvents(messageOf({ type: "task-succeeded", uuid: "x", runtime: 0.5 }), JSON_ONLY);
    assert.ok(event?.type === "task-succeeded");
    const runtime: number = event.runtime;
    assert.equal(runtime, 0.5);
    assert.equal(isCustomEvent(event), false);
    assert.equal(isCustomEvent({ ...event, type: "custom-thing" }), true);
  });

  it("get their missing fields filled in, the hostname from the header", () => {
    const [event] = decodeEvents(messageOf({ type: "custom-thing", clock: null, timestamp: "x" }), JSON_ONLY);
    assert.deepEqual(event, {
      type: "custom-thing",
      hostname: "ts1@host",
      utcoffset: 0,
      pid: 0,
      clock: 0,
      timestamp: 0,
    });
  });

  it("are refused when they would crash listening Python workers", () => {
    const good = eventDocument("worker-heartbeat", heartbeat, sender);
    const bad = [
      { ...good, alive: true },
      { ...good, id: "x" },
      { ...good, type: undefined },
      { ...good, hostname: "" },
      { ...good, timestamp: Date.now() },
      { ...good, timestamp: NaN },
    ];
    for (const event of bad as unknown as EventDocument[]) {
      assert.throws(() => encodeEvent(event), EncodeError);
      assert.throws(() => encodeEvent([good, event]), EncodeError);
    }
    encodeEvent({ ...good, type: "worker-elect", id: "x" });
  });

  it("throw only DecodeError, whatever comes", () => {
    const good = [eventDocument("worker-heartbeat", heartbeat, sender)];
    const values = fc.oneof(fc.jsonValue(), mutated(fc.constant(good)));
    fc.assert(
      fc.property(values, fc.constantFrom({}, { hostname: 5 }, { hostname: "h" }), (value, headers) => {
        let message: Message;
        try {
          message = messageOf(value, headers);
        } catch {
          return;
        }
        const error = thrownBy(() => decodeEvents(message, JSON_ONLY));
        assert.ok(error === undefined || error instanceof DecodeError, String(error));
      }),
      { numRuns: 300 },
    );
  });
});

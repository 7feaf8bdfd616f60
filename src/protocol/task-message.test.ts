import assert from "node:assert/strict";
import fc from "fast-check";
import { ContentDisallowed, DecodeError, ImproperlyConfigured, InvalidTaskError } from "../errors.js";
import { mutated, request, thrownBy } from "./arbitraries.test.js";
import { registerCompression } from "./compression.js";
import { dumps } from "./json.js";
import type { Message } from "./message.js";
import { encodeContent } from "./serializers/registry.js";
import { decodeTask, encodeTask, plainNumbers, taskRequest } from "./task-message.js";
import type { TaskRequest } from "./task-message.js";
import { DateTime, Float, PlainDate } from "./values.js";

const TYPES: Readonly<Record<string, string>> = {
  json: "application/json",
  yaml: "application/x-yaml",
  msgpack: "application/x-msgpack",
  pickle: "application/x-python-serialize",
};
const JSON_ONLY = { accept: new Set(["application/json"]) };
const ALL = { accept: new Set(Object.values(TYPES)) };

const plain = taskRequest({
  id: "8bf4",
  task: "app.add",
  args: [1, 2],
  argsrepr: "(1, 2)",
  kwargsrepr: "{}",
  origin: "gen1@h",
});

/** A message by hand: JSON body, given headers. */
const messageOf = (body: unknown, headers: Record<string, unknown>, changes: Partial<Message> = {}): Message => ({
  ...encodeContent(body, "json"),
  headers,
  properties: {},
  ...changes,
});
const embed = { callbacks: null, errbacks: null, chain: null, chord: null };
const headers = { task: "app.add", id: "8bf4" };
const decode = (message: Message): TaskRequest => decodeTask(message, JSON_ONLY);

/** Compares requests by their JSON with sorted keys: serializers differ in key order and prototypes. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null) return value;
  const entries = value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]);
}
const same = (a: unknown, b: unknown): void => assert.equal(dumps(sorted(a)), dumps(sorted(b)));

describe("encoding tasks", () => {
  it("has all nineteen headers of protocol 2 in Celery's order, nulls included", () => {
    const message = encodeTask(plain);
    assert.equal(
      dumps(message.headers),
      '{"lang": "js", "task": "app.add", "id": "8bf4", "shadow": null, "eta": null, "expires": null, "group": null, ' +
        '"group_index": null, "retries": 0, "timelimit": [null, null], "root_id": "8bf4", "parent_id": null, ' +
        '"argsrepr": "(1, 2)", "kwargsrepr": "{}", "origin": "gen1@h", "ignore_result": null, ' +
        '"replaced_task_nesting": 0, "stamped_headers": null, "stamps": {}}',
    );
    assert.equal(
      Buffer.from(message.body).toString(),
      '[[1, 2], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
    );
    assert.deepEqual(message.properties, {
      correlationId: "8bf4",
      replyTo: "",
      deliveryMode: 2,
      priority: 0,
      expiration: undefined,
    });
  });

  it("pitfall 4: the content type is exactly application/json", () => {
    const { contentType, contentEncoding } = encodeTask(plain);
    assert.deepEqual([contentType, contentEncoding], ["application/json", "utf-8"]);
  });

  it("pitfall 1: timelimit is hard, soft", () => {
    assert.deepEqual(encodeTask({ ...plain, timeLimit: [300, 240] }).headers["timelimit"], [300, 240]);
  });

  it("makes a task its own root when nothing is said", () => {
    assert.equal(encodeTask({ ...plain, rootId: null }).headers["root_id"], "8bf4");
  });

  it("puts the sender's own headers beside the protocol's", () => {
    const message = encodeTask({ ...plain, headers: { tenant: "acme" } });
    assert.equal(message.headers["tenant"], "acme");
  });

  it("says how many milliseconds are left as whole text, 0 when none", () => {
    const expiration = (expires: string): string | undefined => encodeTask({ ...plain, expires }).properties.expiration;
    const soon = Number(expiration(new Date(Date.now() + 60_000).toISOString()));
    assert.ok(soon > 59_000 && soon <= 60_000 && Number.isInteger(soon));
    assert.equal(expiration("2001-01-01T00:00:00+00:00"), "0");
    assert.throws(() => expiration("soon"), DecodeError);
  });

  it("has everything in the body with protocol 1", () => {
    const message = encodeTask({ ...plain, group: "g", headers: { tenant: "acme" } }, { protocol: 1, utc: false });
    assert.deepEqual(message.headers, { tenant: "acme" });
    assert.equal(
      Buffer.from(message.body).toString(),
      '{"task": "app.add", "id": "8bf4", "args": [1, 2], "kwargs": {}, "group": "g", "group_index": null, ' +
        '"retries": 0, "eta": null, "expires": null, "utc": false, "callbacks": null, "errbacks": null, ' +
        '"timelimit": [null, null], "taskset": "g", "chord": null}',
    );
  });
});

describe("tasks come back as they were", () => {
  for (const serializer of Object.keys(TYPES))
    it(`protocol 2, ${serializer}`, () => {
      fc.assert(
        fc.property(request, (sent) => {
          const read = decodeTask(encodeTask(sent, { serializer }), ALL);
          same(read, sent);
        }),
        { numRuns: 60 },
      );
    });

  it("protocol 1", () => {
    fc.assert(
      fc.property(request, (sent) => {
        const read = decodeTask(encodeTask(sent, { protocol: 1 }), ALL);
        const { id, task, args, kwargs, group, groupIndex, eta, expires, retries, timeLimit } = sent;
        const { callbacks, errbacks, chord, headers: custom } = sent;
        const kept = { id, task, args, kwargs, group, groupIndex, eta, expires, retries, timeLimit };
        for (const [name, value] of Object.entries({ ...kept, callbacks, errbacks, chord, headers: custom }))
          same(read[name as keyof TaskRequest], value);
        assert.deepEqual([read.protocol, read.chain, read.rootId, read.parentId], [1, null, null, null]);
      }),
      { numRuns: 60 },
    );
  });

  it("compressed", () => {
    const message = encodeTask(plain, { compression: "gzip" });
    assert.equal(message.headers["compression"], "application/x-gzip");
    same(decode(message), { ...plain, priority: 0 });
    same(decode({ ...message, headers: { ...message.headers, compression: "zlib" } }), { ...plain, priority: 0 });
  });

  it("from a sender with integral floats, kept on demand for sending on", () => {
    const body = Buffer.from('[[1.0, 2], {"f": 3.0}, null]');
    const message = messageOf(null, headers, { body });
    assert.deepEqual(decode(message).args, [1, 2]);
    const kept = decodeTask(message, { ...JSON_ONLY, floats: "keep" });
    assert.ok(kept.args[0] instanceof Float);
    assert.equal(dumps([kept.args, kept.kwargs]), '[[1.0, 2], {"f": 3.0}]');
    assert.deepEqual(plainNumbers(kept.args), [1, 2]);
  });
});

describe("messages of other senders (table 1.4)", () => {
  const invalid = (message: Message, named: RegExp, taskId: string | null = "8bf4"): void => {
    const error = thrownBy(() => decode(message));
    assert.ok(error instanceof InvalidTaskError, String(error));
    assert.match(error.message, named);
    assert.equal(error.taskId, taskId);
  };
  const body = [[1, 2], {}, embed];

  it("pitfall 2: a body that has not exactly three elements", () => {
    for (const wrong of [[[1], {}], [[1], {}, {}, {}], {}, { kwargs: {} }, "text", 5])
      invalid(messageOf(wrong, headers), /invalid body of task 8bf4/);
  });

  it("no content type: the body stays text", () => {
    invalid(messageOf(body, headers, { contentType: null }), /invalid body of task 8bf4/);
  });

  it("pitfall 3: no id, or one that is no text", () => {
    for (const id of [undefined, null, "", 5, {}])
      invalid(messageOf(body, { task: "t", id }), /invalid id of a task/, null);
  });

  it("no task anywhere", () => {
    for (const wrong of [body, { id: "x" }, [], "x", null])
      invalid(messageOf(wrong, { id: "x" }), /not a task: it has no `task` header/, null);
    invalid(messageOf(body, { ...headers, task: null }), /invalid task of task 8bf4: task is null/);
  });

  it("pitfall 5: eta and expires that are empty, unreadable or numbers", () => {
    for (const field of ["eta", "expires"])
      for (const value of ["", "tomorrow", 1795190006, true, {}])
        invalid(messageOf(body, { ...headers, [field]: value }), new RegExp(`invalid ${field} of task 8bf4`));
  });

  it("eta that a serializer made a date of", () => {
    const eta = new DateTime("2026-11-20T15:52:33.333320+00:00");
    assert.equal(decode(messageOf(body, { ...headers, eta })).eta, eta.iso);
    assert.equal(decode(messageOf(body, { ...headers, eta: new Date(0) })).eta, "1970-01-01T00:00:00+00:00");
  });

  it("pitfall 6: eta with Z, without offset, without anything but a date", () => {
    for (const eta of ["2026-11-20T15:52:33Z", "2026-11-20T15:52:33", "2026-11-20"])
      assert.equal(decode(messageOf(body, { ...headers, eta })).eta, eta);
  });

  it("timelimit that is not two numbers", () => {
    for (const timelimit of [[1], [1, 2, 3], 5, ["1", null], { hard: 1 }])
      invalid(messageOf(body, { ...headers, timelimit }), /invalid timelimit of task 8bf4.*\[hard, soft\]/);
    for (const timelimit of [null, undefined, []])
      assert.deepEqual(decode(messageOf(body, { ...headers, timelimit })).timeLimit, [null, null]);
  });

  it("content types that are not accepted", () => {
    for (const contentType of ["application/json; charset=utf-8", "text/plain", "application/x-python-serialize"])
      assert.throws(() => decode(messageOf(body, headers, { contentType })), ContentDisallowed);
  });

  it("bad JSON, unknown markers, unknown or broken compression are no tasks to reject but bytes to drop", () => {
    const broken = [
      messageOf(body, headers, { body: Buffer.from("[[1,") }),
      messageOf(body, headers, { body: Buffer.from('[[{"__type__": "x", "__value__": 1}], {}, {}]') }),
      messageOf(body, { ...headers, compression: "application/x-magic" }),
      messageOf(body, { ...headers, compression: "application/x-gzip" }),
      messageOf(body, { ...headers, compression: 5 }),
    ];
    for (const message of broken) {
      const error = thrownBy(() => decode(message));
      assert.ok(error instanceof DecodeError && !(error instanceof InvalidTaskError), String(error));
    }
  });

  it("a compression whose package is missing makes a message unreadable, no more", () => {
    const decompress = (): never => {
      throw new ImproperlyConfigured("npm install it");
    };
    registerCompression({ names: ["missing"], type: "application/x-missing", compress: decompress, decompress });
    const error = thrownBy(() => decode(messageOf(body, { ...headers, compression: "missing" })));
    assert.ok(error instanceof DecodeError);
    assert.match(error.message, /npm install it/);
  });

  it("args and kwargs of the wrong kind", () => {
    for (const args of [null, {}, "ab"]) invalid(messageOf([args, {}, embed], headers), /invalid args of task 8bf4/);
    for (const kwargs of [null, [], "ab"])
      invalid(messageOf([[], kwargs, embed], headers), /invalid kwargs of task 8bf4/);
  });

  it("pitfall 34: NaN, infinities, integers of any size, typed objects", () => {
    const json = '[[NaN, -Infinity, 1180591620717411303424, {"__type__": "date", "__value__": "2026-01-02"}], {}, {}]';
    const { args } = decode(messageOf(null, headers, { body: Buffer.from(json) }));
    assert.deepEqual(args, [NaN, -Infinity, 2n ** 70n, new PlainDate("2026-01-02")]);
  });

  it("embed null, empty, or no object", () => {
    for (const nothing of [null, {}]) {
      const { callbacks, errbacks, chain, chord } = decode(messageOf([[], {}, nothing], headers));
      assert.deepEqual([callbacks, errbacks, chain, chord], [null, null, null, null]);
    }
    invalid(messageOf([[], {}, []], headers), /invalid embed/);
  });

  const sig = { task: "t", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };

  it("callbacks that are no array, signatures that lack a part", () => {
    for (const field of ["callbacks", "errbacks", "chain"])
      invalid(messageOf([[], {}, { [field]: sig }], headers), new RegExp(`invalid ${field} of task 8bf4`));
    invalid(
      messageOf([[], {}, { chain: [sig, { ...sig, kwargs: undefined }] }], headers),
      /chain\[1\]\.kwargs is missing/,
    );
    invalid(messageOf([[], {}, { chord: [sig] }], headers), /invalid chord/);
  });

  it("pitfall 14: an empty chain stays an empty chain", () => {
    assert.deepEqual(decode(messageOf([[], {}, { chain: [] }], headers)).chain, []);
  });

  it("fields that are missing have neutral values", () => {
    same(decode(messageOf([[], {}, null], headers)), {
      ...taskRequest({ id: "8bf4", task: "app.add" }),
      rootId: null,
      correlationId: null,
      lang: null,
    });
  });

  it("ids that are numbers, flags that are numbers, labels that are no text", () => {
    const odd = { ...headers, group: 5, ignore_result: 1, shadow: {}, argsrepr: null };
    const read = decode(messageOf(body, odd));
    assert.deepEqual([read.group, read.ignoreResult, read.shadow, read.argsrepr], ["5", true, null, ""]);
    invalid(messageOf(body, { ...headers, group: {} }), /invalid group/);
    invalid(messageOf(body, { ...headers, retries: "many" }), /invalid retries/);
  });

  it("custom headers are those that nobody else owns", () => {
    const broker = { "x-death": [], redelivered: true, compression: null };
    const read = decode(messageOf(body, { ...headers, ...broker, tenant: "acme", meth: "m" }));
    assert.deepEqual(read.headers, { tenant: "acme", meth: "m" });
  });

  it("properties", () => {
    const properties = { replyTo: "q", correlationId: "c", priority: 3 };
    const read = decode(messageOf(body, headers, { properties }));
    assert.deepEqual([read.replyTo, read.correlationId, read.priority], ["q", "c", 3]);
    assert.equal(decode(messageOf(body, headers, { properties: { replyTo: "" } })).replyTo, null);
  });
});

describe("protocol 1 and the mix of both", () => {
  it("may leave out args and kwargs; taskset wins over group; reprs are made here", () => {
    const read = decode(messageOf({ task: "t", id: "x", group: "g", taskset: "s", args: [1] }, {}));
    assert.deepEqual([read.args, read.kwargs, read.group], [[1], {}, "s"]);
    assert.deepEqual([read.argsrepr, read.kwargsrepr], ["(1,)", "{}"]);
    assert.equal(decode(messageOf({ task: "t", id: "x", group: "g", taskset: null }, {})).group, null);
    assert.deepEqual(decode(messageOf({ task: "t", id: "x" }, { tenant: "acme" })).headers, { tenant: "acme" });
  });

  it("reads times without offset in the given zone when the sender says utc: false", () => {
    const body = { task: "t", id: "x", eta: "2026-07-01T14:00:00", utc: false };
    const paris = { ...JSON_ONLY, timeZone: "Europe/Paris" };
    assert.equal(decodeTask(messageOf(body, {}), paris).eta, "2026-07-01T14:00:00+02:00");
    assert.equal(decodeTask(messageOf({ ...body, utc: true }, {}), paris).eta, body.eta);
    assert.equal(decode(messageOf(body, {})).eta, body.eta);
  });

  it("keeps the numbers of its fields when floats are kept", () => {
    const body = Buffer.from('{"task": "t", "id": "x", "retries": 1, "timelimit": [300.0, null], "args": [1.0]}');
    const read = decodeTask(messageOf(null, {}, { body }), { ...JSON_ONLY, floats: "keep" });
    assert.deepEqual([read.retries, read.timeLimit], [1, [300, null]]);
  });

  it("takes fields of the mixed form from the body, those in headers first, and no chain", () => {
    const body = { task: "t", id: "b", args: [1], kwargs: {}, root_id: "r", retries: 2, chain: [{}] };
    const read = decode(messageOf(body, { task: "h", id: "h" }));
    assert.deepEqual([read.task, read.id, read.args, read.rootId, read.retries], ["h", "h", [1], "r", 2]);
    assert.deepEqual([read.chain, read.protocol], [null, 2]);
  });
});

describe("reading tasks", () => {
  it("throws only ContentDisallowed, DecodeError and InvalidTaskError, whatever comes", () => {
    const protocols = fc.constantFrom(1 as const, 2 as const);
    const messages = fc.tuple(request, protocols).chain(([sent, protocol]) => {
      const message = encodeTask(sent, { protocol });
      const document = fc.constant(JSON.parse(Buffer.from(message.body).toString()) as unknown);
      return fc.oneof(
        mutated(fc.constant(message.headers)).map((odd) => ({
          ...message,
          headers: Object(odd) as Record<string, unknown>,
        })),
        mutated(document).map((odd) => {
          try {
            return { ...message, ...encodeContent(odd, "json") };
          } catch {
            return message;
          }
        }),
        fc.uint8Array().map((body) => ({ ...message, body })),
        fc
          .constantFrom(...Object.values(TYPES), "text/plain", null)
          .map((contentType) => ({ ...message, contentType })),
        fc.constantFrom("gzip", "bzip2", "xz", "zstd", "brotli", "x").map((compression) => ({
          ...message,
          headers: { ...message.headers, compression },
        })),
      );
    });
    fc.assert(
      fc.property(messages, (message) => {
        const error = thrownBy(() => decodeTask(message, ALL));
        assert.ok(error === undefined || error instanceof DecodeError, String((error as Error)?.stack ?? error));
      }),
      { numRuns: 600 },
    );
  });
});

describe("plainNumbers", () => {
  it("copies only what holds a Float", () => {
    const untouched = { a: [1, { b: "x" }] };
    assert.equal(plainNumbers(untouched), untouched);
    const value = [new Float(1), untouched, new Map([["k", new Float(2)]]), new Set([new Float(3)]), new Date(0)];
    const result = plainNumbers(value) as unknown[];
    assert.deepEqual(result, [1, untouched, new Map([["k", 2]]), new Set([3]), new Date(0)]);
    assert.equal(result[1], untouched);
    assert.equal(result[4], value[4]);
  });

  it("ends with shared and circular values", () => {
    let shared: unknown = [new Float(1)];
    for (let i = 0; i < 40; i++) shared = [shared, shared];
    plainNumbers(shared);
    const circular: unknown[] = [new Float(1)];
    circular.push(circular);
    assert.equal((plainNumbers(circular) as unknown[])[0], 1);
  });
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { CeleryError, DecodeError } from "../errors.js";
import { data, mapping, mutated, orNull, thrownBy } from "./arbitraries.test.js";
import { dumps, loads } from "./json.js";
import { PyObject } from "./pickle/py-object.js";
import {
  chordKey,
  dateDone,
  groupDocument,
  groupKey,
  nodeFromGroupDocument,
  nodeFromTuple,
  normalisePrefix,
  resultFromDocument,
  resultToDocument,
  resultTuple,
  rpcDocument,
  taskKey,
} from "./result.js";
import type { ResultNode, ResultRecord } from "./result.js";

const record: ResultRecord = {
  taskId: "t1",
  status: "SUCCESS",
  result: 3,
  traceback: null,
  children: [],
  dateDone: "2026-11-20T15:48:29.687293+00:00",
};
const failed: ResultRecord = {
  ...record,
  status: "FAILURE",
  result: { exc_type: "KeyError", exc_message: ["boom", 3], exc_module: "builtins" },
  traceback: "Traceback ...",
};

const task = (id: string, parent: ResultNode | null = null): ResultNode => ({ id, parent, children: null });
const nodes = fc.letrec<{ node: ResultNode }>((tie) => ({
  node: fc.record(
    {
      id: fc.uuid(),
      parent: fc.option(tie("node"), { nil: null, depthSize: "small" }),
      children: fc.option(fc.array(tie("node"), { maxLength: 3 }), { nil: null }),
    },
    { noNullPrototype: true },
  ),
})).node;

const records: fc.Arbitrary<ResultRecord> = fc.record({
  taskId: fc.uuid(),
  status: fc.constantFrom("SUCCESS", "STARTED", "PROGRESS"),
  result: data,
  traceback: orNull(fc.string({ minLength: 1 })),
  children: orNull(fc.array(nodes, { maxLength: 2 })),
  dateDone: orNull(fc.constant("2026-11-20T15:48:29+00:00")),
  groupId: orNull(fc.uuid()),
  parentId: orNull(fc.uuid()),
  extended: fc.record({
    name: orNull(fc.constant("app.add")),
    args: data,
    kwargs: mapping,
    worker: orNull(fc.constant("w1@vm")),
    retries: orNull(fc.nat()),
    queue: orNull(fc.constant("celery")),
  }),
});

describe("result documents", () => {
  it("have Python's key order, the optional keys only when they say something, the task id last", () => {
    assert.equal(
      dumps(resultToDocument(record)),
      '{"status": "SUCCESS", "result": 3, "traceback": null, "children": [], ' +
        '"date_done": "2026-11-20T15:48:29.687293+00:00", "task_id": "t1"}',
    );
    assert.deepEqual(Object.keys(resultToDocument({ ...failed, groupId: "g", parentId: "p" })), [
      ...["status", "result", "traceback", "children", "date_done", "group_id", "parent_id", "task_id"],
    ]);
  });

  it("flatten stamps into the extended ones", () => {
    const extended = { name: "app.add", args: [1], kwargs: {}, worker: "w1@vm", retries: 0, queue: "celery" };
    const stamped = { ...extended, stampedHeaders: ["tenant"], stamps: { tenant: "acme" } };
    const document = resultToDocument({ ...record, extended: stamped });
    assert.deepEqual(Object.keys(document).slice(5), [
      ...["name", "args", "kwargs", "worker", "retries", "queue", "stamped_headers", "tenant", "task_id"],
    ]);
    assert.deepEqual(resultFromDocument(document).extended, stamped);
  });

  it("come back as they were", () => {
    fc.assert(
      fc.property(records, (sent) => {
        assert.equal(dumps(resultFromDocument(loads(dumps(resultToDocument(sent))))), dumps(sent));
      }),
      { numRuns: 150 },
    );
  });

  it("pitfall 32: need a status and a task id, nothing else", () => {
    assert.deepEqual(resultFromDocument({ status: "PENDING" }, "t9"), {
      taskId: "t9",
      status: "PENDING",
      result: null,
      traceback: null,
      children: null,
      dateDone: null,
      groupId: null,
      parentId: null,
    });
    assert.throws(() => resultFromDocument({ status: "SUCCESS" }), { name: "DecodeError", message: /task_id/ });
    assert.throws(() => resultFromDocument({ task_id: "t" }), { name: "DecodeError", message: /status/ });
  });

  it("tell children null from an empty list (pitfall 13 of the backends)", () => {
    assert.equal(resultFromDocument({ status: "REVOKED", result: null, children: null }, "t").children, null);
    assert.deepEqual(resultFromDocument({ status: "SUCCESS", children: [] }, "t").children, []);
  });

  it("take a retried task as its own child", () => {
    const document = { status: "RETRY", result: null, children: [[["t3", null], null]], task_id: "t3" };
    assert.deepEqual(resultFromDocument(document).children, [task("t3")]);
  });

  it("pitfall 32: read exceptions in all the forms they were ever written", () => {
    const read = (result: unknown): unknown => resultFromDocument({ status: "FAILURE", result }, "t").result;
    const expected = { exc_type: "ValueError", exc_message: ["boom"], exc_module: "builtins" };
    assert.deepEqual(read(expected), expected);
    assert.deepEqual(read({ ...expected, exc_message: "boom" }), expected);
    assert.deepEqual(read(new PyObject("builtins", "ValueError", ["boom"])), expected);
    assert.deepEqual(
      read({
        exc_type: "UnpickleableExceptionWrapper",
        exc_message: ["builtins", "ValueError", ["boom"], "ValueError('boom')"],
        exc_module: "celery.utils.serialization",
      }),
      expected,
    );
    assert.deepEqual(read("boom"), { exc_type: "Exception", exc_message: ["boom"], exc_module: "builtins" });
    assert.deepEqual(read({ exc_type: "E" }), { exc_type: "E", exc_message: [], exc_module: null });
    assert.equal(read(null), null);
    assert.throws(() => read(5), DecodeError);
    assert.throws(() => read({ exc_message: [] }), { name: "DecodeError", message: /exc_type/ });
  });

  it("pitfall 33: have a date_done with offset, without, or none", () => {
    for (const date_done of ["2026-11-20T15:48:29.687293", "2026-11-20T16:48:29+01:00", null])
      assert.equal(resultFromDocument({ status: "SUCCESS", date_done }, "t").dateDone, date_done);
  });

  it("leave the result of other states alone", () => {
    assert.equal(resultFromDocument({ status: "SUCCESS", result: "text" }, "t").result, "text");
    assert.equal(resultFromDocument({ status: "success", result: 5 }, "t").result, 5);
  });

  it("have five keys in rpc messages", () => {
    assert.deepEqual(rpcDocument({ ...record, groupId: "g", parentId: "p" }), {
      task_id: "t1",
      status: "SUCCESS",
      result: 3,
      traceback: null,
      children: [],
    });
  });

  it("throw only DecodeError, whatever was stored", () => {
    const documents = fc.constantFrom(resultToDocument(failed), resultToDocument({ ...record, children: [task("a")] }));
    fc.assert(
      fc.property(mutated(documents), (document) => {
        const error = thrownBy(() => resultFromDocument(document, "t"));
        assert.ok(error === undefined || error instanceof DecodeError, String(error));
      }),
      { numRuns: 500 },
    );
  });
});

describe("result tuples", () => {
  it("are [[id, parent], children]", () => {
    assert.deepEqual(resultTuple(task("a", task("b"))), [["a", [["b", null], null]], null]);
    const group = { id: "g", parent: null, children: [task("a"), task("b")] };
    const tuple = [
      ["g", null],
      [
        [["a", null], null],
        [["b", null], null],
      ],
    ];
    assert.deepEqual(groupDocument(group), { result: tuple });
    assert.deepEqual(nodeFromGroupDocument({ result: tuple }), group);
  });

  it("come back as they were", () => {
    fc.assert(
      fc.property(nodes, (node) => assert.deepEqual(nodeFromTuple(resultTuple(node)), node)),
      { numRuns: 150 },
    );
  });

  it("may have a bare id", () => {
    assert.deepEqual(nodeFromTuple(["a", null]), task("a"));
    assert.deepEqual(nodeFromTuple(["g", [["a", null]]]), { id: "g", parent: null, children: [task("a")] });
  });

  it("are written for chains of any length, and refused when they nest without end", () => {
    let chain: ResultNode | null = null;
    for (let i = 0; i < 20_000; i++) chain = task(`t${i}`, chain);
    let tuple: unknown = resultTuple(chain as ResultNode);
    assert.throws(() => nodeFromTuple(tuple), { name: "DecodeError", message: /nested deeper/ });
    tuple = [["t", null], null];
    for (let i = 0; i < 20_000; i++) tuple = [["g", null], [tuple]];
    assert.throws(() => nodeFromTuple(tuple), { name: "DecodeError", message: /nested deeper/ });
  });

  it("throw only DecodeError, whatever was stored", () => {
    fc.assert(
      fc.property(mutated(nodes.map(resultTuple)), (tuple) => {
        for (const run of [() => nodeFromTuple(tuple), () => nodeFromGroupDocument({ result: tuple })]) {
          const error = thrownBy(run);
          assert.ok(error === undefined || error instanceof DecodeError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("result keys", () => {
  it("are Celery's", () => {
    assert.equal(taskKey("", "t"), "celery-task-meta-t");
    assert.equal(groupKey("p_", "g"), "p_celery-taskset-meta-g");
    assert.equal(chordKey("", "g"), "chord-unlock-g");
    assert.throws(() => taskKey("", ""), CeleryError);
  });

  it("get an underscore after a prefix that does not end in a separator", () => {
    assert.equal(normalisePrefix("foo"), "foo_");
    for (const prefix of ["foo:", "foo_", "foo-", "foo."]) assert.equal(normalisePrefix(prefix), prefix);
    assert.equal(normalisePrefix(""), "");
    assert.equal(normalisePrefix(undefined), "");
  });

  it("date_done has six digits of fraction or none", () => {
    assert.equal(dateDone(new Date("2026-11-20T15:48:29.687Z")), "2026-11-20T15:48:29.687000+00:00");
    assert.equal(dateDone(new Date("2026-11-20T15:48:29.000Z")), "2026-11-20T15:48:29+00:00");
    assert.equal(dateDone(new Date("2026-11-20T15:48:29.000Z"), "Europe/Paris"), "2026-11-20T16:48:29+01:00");
  });
});

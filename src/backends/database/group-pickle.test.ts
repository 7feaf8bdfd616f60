import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError } from "../../errors.js";
import { PyObject } from "../../protocol/pickle/py-object.js";
import { writePickle } from "../../protocol/pickle/writer.js";
import type { ResultNode } from "../../protocol/result.js";
import { pickledGroup, readPickledGroup } from "./group-pickle.js";

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
const groups = fc.record(
  { id: fc.uuid(), parent: fc.option(nodes, { nil: null }), children: fc.array(nodes, { maxLength: 4 }) },
  { noNullPrototype: true },
);

describe("pickled groups", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(groups, (group) => assert.deepEqual(readPickledGroup(pickledGroup(group)), group)),
      { numRuns: 150 },
    );
  });

  it("are read without the backend that Python puts into them", () => {
    const call = (name: string, ...args: unknown[]): PyObject =>
      new PyObject("celery.app.base", "_unpickle_appattr", [name, args]);
    const backend = new PyObject("celery.backends.base", "unpickle_backend", [
      new PyObject("celery.backends.database", "DatabaseBackend"),
      [],
      { dburi: "postgresql://u:s3cret@h/d" },
    ]);
    const member = call("AsyncResult", "a", backend, null, null, call("AsyncResult", "p", backend, null, null, null));
    const group = readPickledGroup(writePickle(call("GroupResult", "g", [member]), { objects: true }));
    const parent = { id: "p", parent: null, children: null };
    assert.deepEqual(group, { id: "g", parent: null, children: [{ id: "a", parent, children: null }] });
  });

  it("nothing else is taken for one", () => {
    const task = new PyObject("celery.result", "AsyncResult", ["a"]);
    for (const value of [
      [],
      3,
      null,
      task,
      new PyObject("os", "system", ["GroupResult", ["g", []]]),
      new PyObject("celery.app.base", "_unpickle_appattr", ["EagerResult", ["g", []]]),
      new PyObject("celery.app.base", "_unpickle_appattr", ["GroupResult", ["g", [3]]]),
      new PyObject("celery.result", "GroupResult", ["g"]),
      new PyObject("celery.result", "GroupResult", [3, [task]]),
      new PyObject("celery.result", "GroupResult"),
    ])
      assert.throws(() => readPickledGroup(writePickle(value, { objects: true })), DecodeError);
  });

  it("without end are refused", () => {
    let node: ResultNode = { id: "t", parent: null, children: null };
    for (let i = 0; i < 320; i++) node = { id: "g", parent: null, children: [node] };
    assert.throws(() => readPickledGroup(pickledGroup(node)), DecodeError);
  });
});

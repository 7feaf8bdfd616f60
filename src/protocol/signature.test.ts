import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError } from "../errors.js";
import { mutated, signature, thrownBy } from "./arbitraries.test.js";
import { dumps, loads } from "./json.js";
import {
  isChainDocument,
  isChordDocument,
  isGroupDocument,
  isMapDocument,
  mergeSignature,
  readSignature,
  signatureDocument,
} from "./signature.js";

describe("signatures", () => {
  it("always have six keys", () => {
    assert.equal(
      dumps(signatureDocument({ task: "app.add", args: [1] })),
      '{"task": "app.add", "args": [1], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}',
    );
  });

  it("are the same after a journey, 1.0 and unknown keys included", () => {
    const text =
      '{"task": "t", "args": [1.0], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": true, "x": 1}';
    assert.equal(dumps(readSignature(loads(text, { floats: "keep" }))), text);
    fc.assert(
      fc.property(signature, (sig) => assert.equal(dumps(readSignature(loads(dumps(sig)))), dumps(sig))),
      { numRuns: 100 },
    );
  });

  it("may leave out subtask_type and immutable, and nothing else", () => {
    const whole = { task: "t", args: [], kwargs: {}, options: {} };
    assert.deepEqual(readSignature(whole), { ...whole, subtask_type: null, immutable: false });
    for (const key of ["task", "args", "kwargs", "options"])
      assert.throws(() => readSignature({ ...whole, [key]: undefined }), {
        name: "DecodeError",
        message: new RegExp(`signature\\.${key} is missing`),
      });
  });

  it("are refused with DecodeError and nothing else", () => {
    fc.assert(
      fc.property(mutated(signature), (value) => {
        const error = thrownBy(() => readSignature(value));
        assert.ok(error === undefined || error instanceof DecodeError, String(error));
      }),
      { numRuns: 500 },
    );
  });

  it("pitfall 26: a chord's header is an array or a group", () => {
    const member = signatureDocument({ task: "a" });
    const group = signatureDocument({ task: "celery.group", kwargs: { tasks: [member] }, subtask_type: "group" });
    const chord = { task: "celery.chord", subtask_type: "chord" };
    for (const header of [[member], group])
      assert.equal(
        isChordDocument(signatureDocument({ ...chord, kwargs: { kwargs: {}, header, body: member } })),
        true,
      );
    assert.equal(isChordDocument(signatureDocument({ ...chord, kwargs: { header: [] } })), false);
    assert.equal(isGroupDocument(group), true);
    assert.equal(isChainDocument(group), false);
    assert.equal(
      isChainDocument(signatureDocument({ task: "celery.chain", kwargs: { tasks: [] }, subtask_type: "chain" })),
      true,
    );
  });

  it("pitfall 26: options may hold nulls and typed datetimes, links may be one signature or several", () => {
    const link = '{"task": "b", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}';
    const text =
      '{"task": "a", "args": [], "kwargs": {}, "options": {"chord": null, ' +
      `"eta": {"__type__": "datetime", "__value__": "2026-01-02T03:04:05.5+00:00"}, "link": ${link}, ` +
      `"link_error": [${link}]}, "subtask_type": null, "immutable": false}`;
    assert.equal(dumps(readSignature(loads(text))), text.replace("05.5", "05.500000"));
  });

  it("know maps, starmaps and chunks by their task, as they have no subtask_type", () => {
    for (const task of ["celery.map", "celery.starmap", "celery.chunks"])
      assert.equal(isMapDocument(signatureDocument({ task, kwargs: { task: {}, it: [1] } })), true);
    assert.equal(isMapDocument(signatureDocument({ task: "celery.group", kwargs: { task: {}, it: [] } })), false);
  });
});

describe("merging a call into a signature", () => {
  const stored = signatureDocument({
    task: "t",
    args: [3],
    kwargs: { a: 1, b: 1 },
    options: { group_id: "g", queue: "q", stamped_headers: ["tenant"], tenant: "acme", task_id: null },
  });
  const call = {
    args: [1, 2],
    kwargs: { b: 2 },
    options: { group_id: "other", tenant: "other", stamped_headers: [], queue: "p", task_id: "x", priority: null },
  };

  it("puts the call's arguments first and lets its keywords and options win", () => {
    const merged = mergeSignature(stored, call);
    assert.deepEqual(merged.args, [1, 2, 3]);
    assert.deepEqual(merged.kwargs, { a: 1, b: 2 });
  });

  it("keeps group id and stamps, and takes null options for not given", () => {
    assert.deepEqual(mergeSignature(stored, call).options, {
      group_id: "g",
      queue: "p",
      stamped_headers: ["tenant"],
      tenant: "acme",
      task_id: "x",
    });
  });

  it("sets a group id that was not there", () => {
    assert.deepEqual(mergeSignature(signatureDocument({ task: "t" }), { options: { group_id: "g" } }).options, {
      group_id: "g",
    });
  });

  it("pitfall 18: immutable drops arguments but not options", () => {
    const merged = mergeSignature({ ...stored, immutable: true }, call);
    assert.deepEqual([merged.args, merged.kwargs], [[3], { a: 1, b: 1 }]);
    assert.equal(merged.options["task_id"], "x");
  });
});

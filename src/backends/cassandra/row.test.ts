import assert from "node:assert/strict";
import { DecodeError } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { silentLogger } from "../../util/logger.js";
import { packRow, rowCodec, unpackRow } from "./row.js";

const codec = rowCodec({
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: null,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () => Promise.reject(new Error("no broker here")),
});

const date = new Date("2026-11-20T15:48:29.687Z");
const record: ResultRecord = {
  taskId: "t",
  status: "FAILURE",
  result: { exc_type: "KeyError", exc_message: ["boom", 3], exc_module: "builtins" },
  traceback: "TB",
  children: [{ id: "c", parent: null, children: null }],
  dateDone: "2026-11-20T15:48:29.687000+00:00",
};

describe("rows of results in Cassandra", () => {
  it("three values, serialized as Python does each", () => {
    const texts = (one: ResultRecord): string[] => {
      const { result, traceback, children } = codec.encode(one);
      return [result, traceback, children].map((bytes) => Buffer.from(bytes).toString());
    };
    assert.deepEqual(texts(record), [
      '{"exc_type": "KeyError", "exc_message": ["boom", 3], "exc_module": "builtins"}',
      '"TB"',
      '[[["c", null], null]]',
    ]);
    assert.deepEqual(texts({ ...record, result: undefined, traceback: null, children: null }), [
      "null",
      "null",
      "null",
    ]);
    assert.deepEqual(texts({ ...record, result: "ü", children: [] })[0], '"\\u00fc"');
  });

  it("come back as they were, through bytes too", () => {
    const row = { ...codec.encode(record), date_done: date };
    for (const one of [row, unpackRow(packRow(row))]) {
      const { groupId, parentId, ...rest } = codec.decode(one, "t");
      assert.deepEqual(rest, record);
      assert.deepEqual([groupId, parentId], [null, null]);
    }
  });

  it("the time of a state that is not the last says nothing", () => {
    assert.equal(
      codec.decode({ ...codec.encode({ ...record, status: "STARTED" }), date_done: date }, "t").dateDone,
      null,
    );
  });

  it("a missing column is null, a broken one an error that names it", () => {
    const row = { ...codec.encode({ ...record, status: "SUCCESS", result: 1 }), date_done: date };
    assert.deepEqual(codec.decode({ ...row, result: null, children: null, traceback: null }, "t").result, null);
    for (const column of ["result", "traceback", "children"])
      for (const bytes of ["{", "", "\xff\x00"])
        assert.throws(
          () => codec.decode({ ...row, [column]: Buffer.from(bytes, "latin1") }, "t"),
          (error) => error instanceof DecodeError && error.message.includes(`the ${column} of task t`),
        );
    for (const broken of [
      { ...row, status: null },
      { ...row, children: Buffer.from("3") },
    ])
      assert.throws(() => codec.decode(broken, "t"), DecodeError);
  });
});

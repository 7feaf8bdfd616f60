import assert from "node:assert/strict";
import { TaskError } from "../errors.js";
import { type LogRecord, formatJson, formatText } from "./log-record.js";

const record = (changes: Partial<LogRecord>): LogRecord => ({
  time: new Date(2026, 10, 21, 10, 0, 0, 123).getTime(),
  ...{ level: "INFO", message: "hello", fields: {} },
  ...changes,
});
const text = (changes: Partial<LogRecord>, color = false): string =>
  formatText(record(changes), { color, process: "MainProcess" });
const json = (changes: Partial<LogRecord>): unknown => JSON.parse(formatJson(record(changes)));

describe("log lines", () => {
  it("have Celery's shape, in local time", () => {
    assert.equal(text({}), "[2026-11-21 10:00:00,123: INFO/MainProcess] hello");
  });

  it("name the task, unless they do so themselves", () => {
    const fields = { taskId: "1-2", task: "proj.add" };
    assert.match(text({ fields }), /\] proj\.add\[1-2\]: hello$/);
    assert.match(text({ fields, message: "Task proj.add[1-2] received" }), /\] Task proj\.add\[1-2\] received$/);
  });

  it("show further fields, and errors below with their causes", () => {
    const error = new TypeError("outer", { cause: new RangeError("inner") });
    const line = text({ level: "ERROR", fields: { queue: "a b", count: 3, error } });
    assert.match(
      line,
      /hello queue='a b' count=3\nTypeError: outer\n {4}at [^]*\n {2}caused by: RangeError: inner\n {4}at /,
    );
    assert.match(text({ level: "WARNING", fields: { error } }), /hello: outer$/);
  });

  it("are coloured by their level", () => {
    const line = text({ level: "ERROR" }, true);
    assert.ok(line.startsWith("\u001b[1;31m[2026") && line.endsWith("hello\u001b[0m"));
    assert.equal(text({}, true), text({}));
  });

  it("cannot be used to play with a terminal", () => {
    assert.match(text({ message: "a\u001b[2Jb\rc" }), /a\\x1b\[2Jb\\x0dc$/);
  });

  it("are JSON objects where that is wanted", () => {
    const loop: Record<string, unknown> = { big: 2n ** 60n };
    loop.self = loop;
    assert.deepEqual(json({ fields: { n: 1n } }), {
      ...{ time: new Date(2026, 10, 21, 10, 0, 0, 123).toISOString(), level: "INFO", message: "hello", n: "1" },
    });
    assert.equal((json({ fields: { loop } }) as { message: string }).message, "hello");
    const info = { type: "ValueError", module: "builtins", args: [], taskId: "1" };
    const { error } = json({ fields: { error: new TaskError("oh", info) } }) as { error: { type: string } };
    assert.equal(error.type, "ValueError");
  });
});

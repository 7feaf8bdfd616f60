import assert from "node:assert/strict";
import { z } from "zod";
import { TaskError } from "../../errors.js";
import { soon, stage } from "./stage.test.js";

const failed = async (promise: Promise<unknown>): Promise<TaskError> => {
  const error: unknown = await promise.then(
    () => assert.fail("it passed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError);
  return error;
};

describe("the schema of a task", () => {
  it("checks the arguments and changes them, positional or by name", async () => {
    await using it = await stage((app) => {
      const schema = z.tuple([z.coerce.number(), z.string().trim().default("?")]);
      app.task("show", { schema, params: ["count", "text"] }, (count, text) => [count, text]);
    });
    assert.deepEqual(await it.app.sendTask("show", ["41", " a "]).get(soon), [41, "a"]);
    assert.deepEqual(await it.app.sendTask("show", ["41"], { kwargs: { text: " b" } }).get(soon), [41, "b"]);
    assert.deepEqual(await it.app.sendTask("show", [], { kwargs: { count: 1 } }).get(soon), [1, "?"]);
  });

  it("says all that is wrong, before the handler is called, and is never tried again", async () => {
    let runs = 0;
    await using it = await stage((app) => {
      const schema = z.tuple([z.number(), z.object({ email: z.email() })]);
      app.task("send", { schema, autoretryFor: [Error], defaultRetryDelay: 0 }, () => ++runs);
    });
    const error = await failed(it.app.sendTask("send", ["x", { email: "nobody" }]).get(soon));
    assert.deepEqual([error.type, error.module], ["InvalidArguments", "celeriac"]);
    assert.match(error.message, /^the arguments of send do not pass its schema: 0: .*number.*; 1\.email: /);
    assert.match((await failed(it.app.sendTask("send", [1]).get(soon))).message, /do not pass its schema/);
    assert.equal(runs, 0);
  });

  it("may be asynchronous, and may itself fail", async () => {
    await using it = await stage((app) => {
      const known = z.string().refine(async (name) => Promise.resolve(name === "known"), "is not known");
      app.task("async", { schema: z.tuple([known]) }, (name) => name);
      const broken = z.string().transform((): string => {
        throw new RangeError("a defect of the schema");
      });
      app.task("broken", { schema: z.tuple([broken]) }, (name) => name);
      const text = z.array(z.string()).transform((list) => list.join());
      app.task("text", { schema: text as never }, (...names: unknown[]) => names);
    });
    assert.equal(await it.app.sendTask("async", ["known"]).get(soon), "known");
    assert.match((await failed(it.app.sendTask("async", ["x"]).get(soon))).message, /: 0: is not known$/);
    const broken = await failed(it.app.sendTask("broken", ["x"]).get(soon));
    assert.deepEqual([broken.type, broken.message], ["RangeError", "a defect of the schema"]);
    assert.match(
      (await failed(it.app.sendTask("text", ["x"]).get(soon))).message,
      /into something else; let it be a tuple/,
    );
  });
});

import assert from "node:assert/strict";
import { after } from "../../src/util/time.js";
import { calls, nodeTasks, tryCalls } from "./calls.js";
import type { Answer, Caller } from "./calls.js";

/** A caller whose worker does what it should, apart from one task or one way to call it. */
function caller(broken: Partial<Record<"echo" | "add" | "fail" | "flaky" | "group" | "many" | "eta", Answer>>): Caller {
  const given = broken as Readonly<Record<string, Answer | undefined>>;
  const call: Caller["call"] = async (task, [x, y], { eta } = {}) => {
    const name = task.slice("node.".length).split("_")[0] ?? "";
    // Node's own timers can fire a millisecond early.
    if (eta && !broken.eta) await new Promise<void>((resolve) => after(eta.getTime() - Date.now(), resolve));
    const right: Readonly<Record<string, Answer>> = {
      echo: { value: x },
      add: { value: Number(x) + Number(y) },
      fail: { raised: { type: "TypeError", message: "not that type" } },
      flaky: { value: x },
    };
    return given[name] ?? right[name] ?? assert.fail(task);
  };
  const together =
    (what: "group" | "many"): Caller["many"] =>
    async (task, list) => {
      const answers = await Promise.all(list.map((args) => call(task, args)));
      return broken[what] ? [...answers.slice(1), broken[what]] : answers;
    };
  return { call, group: together("group"), many: together("many") };
}

describe("the calls of the matrix", () => {
  const failedCalls = async (one: Caller): Promise<string[]> =>
    (await tryCalls(one, nodeTasks)).map(({ call }) => call);

  it("find nothing wrong with a caller and a worker that do what they should", async () => {
    assert.deepEqual(await tryCalls(caller({}), nodeTasks), []);
  });

  it("each find what is wrong", async () => {
    const wrong = { value: "something else" };
    const answers: [Parameters<typeof caller>[0], string][] = [
      [{ echo: wrong }, "value"],
      [{ fail: wrong }, "failure"],
      [{ fail: { raised: { type: "TypeError", message: "other" } } }, "failure"],
      [{ flaky: { value: 1 } }, "retry"],
      [{ group: wrong }, "group"],
      [{ many: wrong }, "20 in flight"],
      [{ eta: wrong }, "eta"],
    ];
    await Promise.all(
      answers.map(async ([broken, name]) => assert.deepEqual(await failedCalls(caller(broken)), [name])),
    );
    assert.equal(new Set(calls.map(({ name }) => name)).size, calls.length);
  });

  it("say in one line what they got", async () => {
    const [failure] = await tryCalls(caller({ flaky: { value: 1 } }), nodeTasks);
    assert.equal(failure?.error, "got 1, expected 2");
    const refused = caller({ add: { raised: { type: "KeyError", message: "'x'" } } });
    const raised = (await tryCalls(refused, nodeTasks)).map(({ call, error }) => `${call}: ${error}`);
    assert.deepEqual(
      raised,
      ["group", "20 in flight", "eta"].map((name) => `${name}: it raised KeyError: 'x'`),
    );
    const lost = { ...caller({}), call: () => Promise.reject(new Error("no answer within 15 s\nand more")) };
    assert.deepEqual(await tryCalls(lost, nodeTasks), [{ call: "value", error: "no answer within 15 s" }]);
  });
});

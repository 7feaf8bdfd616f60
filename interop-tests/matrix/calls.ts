import assert from "node:assert/strict";
import type { Failure } from "./report.js";
import { errorLine } from "./error-line.js";

/** What a caller's `get()` gave. */
export type Answer =
  | { readonly value: unknown; readonly raised?: undefined }
  | { readonly value?: undefined; readonly raised: { readonly type: string; readonly message: string } };

/** Somebody who calls tasks, in either language. It rejects when a call gets no answer at all. */
export interface Caller {
  call(task: string, args: readonly unknown[], options?: { readonly eta?: Date }): Promise<Answer>;
  /** Calls that belong together, all awaited: a `group` where the caller's language has one. */
  group(task: string, list: readonly (readonly unknown[])[]): Promise<readonly Answer[]>;
  /** Sends everything before it awaits the first answer. */
  many(task: string, list: readonly (readonly unknown[])[]): Promise<readonly Answer[]>;
}

/** What a worker's tasks are called. */
export interface Tasks {
  /** Returns its argument. */
  readonly echo: string;
  /** Returns the sum of two. */
  readonly add: string;
  /** Raises what `raises` says. */
  readonly fail: string;
  readonly raises: { readonly type: string; readonly message: RegExp };
  /** Retries as often as its argument says, then returns that number. */
  readonly flaky: string;
}

export const pythonTasks: Tasks = {
  echo: "interop.echo",
  add: "interop.add",
  fail: "interop.fail",
  raises: { type: "ValueError", message: /^it broke/ },
  flaky: "interop.flaky",
};

export const nodeTasks: Tasks = {
  echo: "node.echo",
  add: "node.add",
  fail: "node.fail_type",
  raises: { type: "TypeError", message: /^not that type/ },
  flaky: "node.flaky",
};

interface Call {
  readonly name: string;
  /** For the page. */
  readonly means: string;
  readonly check: (caller: Caller, tasks: Tasks) => Promise<void>;
}

function valueOf({ value, raised }: Answer): unknown {
  if (raised) throw new Error(`it raised ${raised.type}: ${raised.message}`);
  return value;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const pairsUpTo = (count: number): number[][] => upTo(count).map((n) => [n, 1]);

/** Real calls, in this order. When the first one fails, the others are not tried. */
export const calls: readonly Call[] = [
  {
    name: "value",
    means: "a call with nested arguments and characters of many scripts returns them unchanged",
    check: async (caller, { echo }) => {
      const value = { "clé 🎉": ["Grüße, 世界, \u0000\ud83d\ude00", 1, -2.5, true, null, [[]], {}] };
      assert.deepEqual(valueOf(await caller.call(echo, [value])), value);
    },
  },
  {
    name: "failure",
    means: "a task that fails raises an error of its type and with its message at the caller",
    check: async (caller, { fail, raises }) => {
      const { raised, value } = await caller.call(fail, []);
      assert.ok(raised, `it returned ${JSON.stringify(value)}`);
      assert.equal(raised.type, raises.type);
      assert.match(raised.message, raises.message);
    },
  },
  {
    name: "retry",
    means: "a task that retries twice is awaited to its value",
    check: async (caller, { flaky }) => assert.equal(valueOf(await caller.call(flaky, [2])), 2),
  },
  {
    name: "group",
    means: "five calls that belong together all bring their values (a `group` where Python calls)",
    check: async (caller, { add }) =>
      assert.deepEqual(
        (await caller.group(add, pairsUpTo(5))).map(valueOf),
        upTo(5).map((n) => n + 1),
      ),
  },
  {
    name: "20 in flight",
    means: "twenty calls are sent before the first answer is awaited",
    check: async (caller, { add }) =>
      assert.deepEqual(
        (await caller.many(add, pairsUpTo(20))).map(valueOf),
        upTo(20).map((n) => n + 1),
      ),
  },
  {
    name: "eta",
    means: "a call with an ETA one second ahead is answered, and not before that second has passed",
    check: async (caller, { add }) => {
      const eta = new Date(Date.now() + 1000);
      assert.equal(valueOf(await caller.call(add, [40, 2], { eta })), 42);
      const early = eta.getTime() - Date.now();
      assert.ok(early <= 0, `it was answered ${early} ms too early`);
    },
  },
];

/** Makes all calls; resolves to those that went wrong. */
export async function tryCalls(caller: Caller, tasks: Tasks): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const { name, check } of calls) {
    if (failures[0]?.call === "value") break;
    try {
      await check(caller, tasks);
    } catch (error) {
      failures.push({ call: name, error: errorLine(error) });
    }
  }
  return failures;
}

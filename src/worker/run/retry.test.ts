import assert from "node:assert/strict";
import { definitionOf } from "../../client/task.js";
import type { DefinedOptions } from "../../client/task-options.js";
import { Ignore, Reject, Retry, SoftTimeLimitExceeded, TaskError } from "../../errors.js";
import { backoff } from "./autoretry.js";
import { retryArguments } from "./retry-arguments.js";
import { soon, stage } from "./stage.test.js";

const failed = async (promise: Promise<unknown>): Promise<TaskError> => {
  const error: unknown = await promise.then(
    (value) => assert.fail(`it gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError);
  return error;
};

describe("self.retry", () => {
  it("goes on to the next attempt with what is changed, and all else as it was", async () => {
    const seen: unknown[] = [];
    await using it = await stage(
      (app) => {
        app.task("other", { bind: true, params: ["x", "y"], serializer: "yaml" }, (self, x: number, y: number) => {
          const { args, kwargs, headers, shadow, priority, timeLimit, softTimeLimit, id, rootId } = self.request;
          seen.push({ args, kwargs, headers, shadow, priority, timeLimit, softTimeLimit, id, rootId });
          if (self.retries === 0)
            throw self.retry({
              countdown: 0,
              kwargs: { x: 10 },
              priority: 4,
              timeLimit: 50,
              softTimeLimit: 40,
              shadow: "s",
            });
          return x + y;
        });
      },
      { acceptContent: ["json", "yaml"] },
    );
    const headers = { tenant: "acme" };
    // What RabbitMQ writes of a message's deaths does not go along: it would take the next one for a message in a circle.
    const deaths = { "x-death": [{ count: 1 }], "x-first-death-queue": "q" };
    const sent = await it.app.sendTask("other", [1, 2], { headers: { ...headers, ...deaths } });
    assert.equal(await sent.get(soon), 12);
    const common = { id: sent.id, rootId: sent.id };
    assert.deepEqual(seen, [
      { ...common, args: [1, 2], kwargs: {}, headers, shadow: null, priority: 0, timeLimit: null, softTimeLimit: null },
      {
        ...common,
        ...{ args: [10, 2], kwargs: {}, headers, shadow: "s" },
        ...{ priority: 4, timeLimit: 50, softTimeLimit: 40 },
      },
    ]);
  });

  it("throws the cause at the end, or says that there is no more; null is no limit", async () => {
    await using it = await stage((app) => {
      app.task("cause", { bind: true, maxRetries: 1 }, (self) => {
        throw self.retry({ countdown: 0, cause: new RangeError("why") });
      });
      app.task("none", { bind: true, maxRetries: 0, params: ["x", "y"] }, (self, _x: number, _y: string) => {
        throw self.retry({ cause: null });
      });
      app.task("ever", { bind: true, maxRetries: null }, (self) => {
        if (self.retries < 6) throw self.retry({ countdown: 0 });
        return self.retries;
      });
      app.task("asked", { bind: true, maxRetries: 9 }, (self) => {
        throw self.retry({ countdown: 0, maxRetries: 2, cause: new Error(`after ${self.retries}`) });
      });
    });
    assert.equal((await failed(it.app.sendTask("cause").get(soon))).type, "RangeError");
    const none = await it.app.sendTask("none", [1], { kwargs: { y: "a" } });
    const error = await failed(none.get(soon));
    assert.equal(error.type, "MaxRetriesExceededError");
    assert.equal(error.message, `Can't retry none[${none.id}] args:(1,) kwargs:{'y': 'a'}`);
    assert.equal(await it.app.sendTask("ever").get(soon), 6);
    assert.equal((await failed(it.app.sendTask("asked").get(soon))).message, "after 2");
  });

  it("refuses what cannot be meant, and keeps what went wrong before as the cause", async () => {
    const wrong: readonly [options: object, message: RegExp][] = [
      [{ exc: new Error("x") }, /unknown option of self\.retry\(\): "exc"/],
      [{ countdown: NaN }, /countdown is NaN; expected seconds/],
      [{ countdown: 1e12 }, /countdown is 1000000000000; expected seconds, at most/],
      [{ eta: new Date("never") }, /eta is an object; expected a valid Date/],
      [{ maxRetries: -1 }, /maxRetries is -1/],
      [{ args: "ab" }, /args is "ab"; expected a list/],
      [{ kwargs: [1] }, /kwargs is a list; expected an object/],
      [{ timeLimit: 1, softTimeLimit: 2 }, /softTimeLimit \(2 s\) is above timeLimit/],
    ];
    await using it = await stage((app) => {
      app.task("wrong", { bind: true }, (self, index: number) => {
        throw self.retry({ cause: new Error("before"), ...wrong[index]![0] });
      });
    });
    for (const [index, [, message]] of wrong.entries()) {
      const error = await failed(it.app.sendTask("wrong", [index]).get(soon));
      assert.equal(error.type, "ImproperlyConfigured");
      assert.match(error.message, message);
      assert.match(error.traceback!, /Error: before\n\nThe above exception/);
    }
  });

  it("is what a Retry asks for that was thrown without it", async () => {
    await using it = await stage((app) => {
      app.task("plain", { bind: true, maxRetries: 2 }, (self) => {
        throw new Retry("again", { when: 0, cause: new Error(`attempt ${self.retries}`) });
      });
    });
    assert.equal((await failed(it.app.sendTask("plain").get(soon))).message, "attempt 2");
  });
});

describe("arguments of the next attempt", () => {
  const request = { args: [1, 2], kwargs: { c: 3, d: 4 } };
  const params = ["a", "b", "c", "d"];
  const cases: readonly [what: string, changes: Parameters<typeof retryArguments>[2], expected: object][] = [
    ["nothing changed", {}, request],
    ["both changed", { args: [9], kwargs: { d: 8 } }, { args: [9], kwargs: { d: 8 } }],
    ["args reach over keywords", { args: [9, 8, 7] }, { args: [9, 8, 7], kwargs: { d: 4 } }],
    ["no args at all", { args: [] }, { args: [], kwargs: { c: 3, d: 4 } }],
    ["a keyword takes a place", { kwargs: { b: 9 } }, { args: [1, 9], kwargs: {} }],
    ["keywords elsewhere", { kwargs: { c: 9 } }, { args: [1, 2], kwargs: { c: 9 } }],
    ["both kinds", { kwargs: { a: 7, d: 9 } }, { args: [7, 2], kwargs: { d: 9 } }],
  ];
  for (const [what, changes, expected] of cases)
    it(`are Python's: ${what}`, () => assert.deepEqual(retryArguments(params, request, changes), expected));

  it("are left alone without names, and for calls that do not fit", () => {
    assert.deepEqual(retryArguments(undefined, request, { kwargs: { a: 1 } }), { args: [1, 2], kwargs: { a: 1 } });
    assert.deepEqual(retryArguments(undefined, request, { args: [5] }), { args: [5], kwargs: { c: 3, d: 4 } });
    assert.deepEqual(retryArguments(["a"], request, { kwargs: { a: 1 } }), { args: [1, 2], kwargs: { a: 1 } });
  });
});

describe("automatic retries", () => {
  class Flaky extends Error {}
  class Hopeless extends Flaky {}
  const options = { autoretryFor: [Flaky], dontAutoretryFor: [Hopeless], defaultRetryDelay: 0, maxRetries: 2 } as const;

  it("are for the errors that are named, and not for those named otherwise", async () => {
    const runs = { flaky: 0, hopeless: 0, other: 0 };
    await using it = await stage((app) => {
      app.task("flaky", options, () => {
        runs.flaky++;
        throw new Flaky("no luck");
      });
      app.task("hopeless", options, () => {
        runs.hopeless++;
        throw new Hopeless("never");
      });
      app.task("other", options, () => {
        runs.other++;
        throw new Error("else");
      });
    });
    assert.equal((await failed(it.app.sendTask("flaky").get(soon))).type, "Flaky");
    assert.equal((await failed(it.app.sendTask("hopeless").get(soon))).type, "Hopeless");
    await failed(it.app.sendTask("other").get(soon));
    assert.deepEqual(runs, { flaky: 3, hopeless: 1, other: 1 });
  });

  it("are never for Ignore and Reject, keep to what retry was asked for, and may be for the soft limit", async () => {
    const runs = { ignore: 0, reject: 0, asked: 0, soft: 0 };
    await using it = await stage((app) => {
      const all = { autoretryFor: [Error], defaultRetryDelay: 0 };
      app.task("ignore", all, () => {
        runs.ignore++;
        throw new Ignore();
      });
      app.task("reject", all, () => {
        runs.reject++;
        throw new Reject();
      });
      app.task("asked", { ...all, bind: true, maxRetries: 9 }, (self) => {
        runs.asked++;
        throw self.retry({ countdown: 0, maxRetries: 1, cause: new Error("enough") });
      });
      const soft = { autoretryFor: [SoftTimeLimitExceeded], defaultRetryDelay: 0, softTimeLimit: 0.02 };
      app.task("soft", { ...soft, bind: true }, async (self) => {
        if (++runs.soft === 2) return "the second time";
        return await new Promise<string>((_resolve, reject) => {
          self.signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
        });
      });
    });
    await it.app.sendTask("ignore");
    await failed(it.app.sendTask("reject").get(soon));
    assert.equal((await failed(it.app.sendTask("asked").get(soon))).message, "enough");
    assert.equal(await it.app.sendTask("soft").get(soon), "the second time");
    assert.deepEqual(runs, { ignore: 1, reject: 1, asked: 2, soft: 2 });
  });

  it("wait longer each time when they back off", () => {
    const waits = (given: DefinedOptions, random?: () => number): (number | null)[] =>
      [0, 1, 2, 3, 30].map((retries) => backoff(given, retries, random));
    assert.deepEqual(waits({}), [null, null, null, null, null]);
    assert.deepEqual(waits({ retryBackoff: true, retryJitter: false }), [1, 2, 4, 8, 600]);
    assert.deepEqual(waits({ retryBackoff: 3.9, retryBackoffMax: 20.5, retryJitter: false }), [3, 6, 12, 20, 20]);
    // Python makes whole seconds of the factor, but none of them 0.
    assert.deepEqual(waits({ retryBackoff: 0.5, retryJitter: false }), [1, 2, 4, 8, 600]);
    assert.deepEqual(
      waits({ retryBackoff: true }, () => 0.999),
      [1, 2, 4, 8, 600],
    );
    assert.deepEqual(
      waits({ retryBackoff: true }, () => 0),
      [0, 0, 0, 0, 0],
    );
  });

  it("end as failures that are expected when throws names them", async () => {
    await using it = await stage((app) => {
      app.task("expected", { throws: [RangeError] }, () => {
        throw new RangeError("part of the work");
      });
    });
    assert.ok(definitionOf(it.app.tasks.get("expected")!));
    assert.equal((await failed(it.app.sendTask("expected").get(soon))).type, "RangeError");
    assert.ok(it.logged.some(([level, text]) => level === "info" && text.includes("raised expected: RangeError")));
    assert.ok(!it.logged.some(([level]) => level === "error"));
  });
});

describe("the context", () => {
  it("reports states in order and before the end, although nobody waits for them", async () => {
    await using it = await stage((app) => {
      app.task("steps", { bind: true, trackStarted: true }, (self) => {
        for (let done = 1; done <= 3; done++) void self.updateState("PROGRESS", { done });
        return "end";
      });
    });
    const backend = await it.app.backend();
    const store = backend.store.bind(backend);
    const stored: unknown[] = [];
    backend.store = async (record, context) => {
      // The earlier, the slower.
      await new Promise((resolve) => setTimeout(resolve, record.status === "STARTED" ? 30 : 10));
      stored.push(record.status === "PROGRESS" ? record.result : record.status);
      await store(record, context);
    };
    assert.equal(await it.app.sendTask("steps").get(soon), "end");
    assert.deepEqual(stored, ["STARTED", { done: 1 }, { done: 2 }, { done: 3 }, "SUCCESS"]);
  });

  it("outlives a state that nobody waits for and that cannot be stored", async () => {
    await using it = await stage((app) => {
      app.task("unwritable", { bind: true }, async (self) => {
        void self.updateState("PROGRESS", () => 1);
        void self.updateState("");
        await new Promise((resolve) => setImmediate(resolve));
        return "end";
      });
    });
    assert.equal(await it.app.sendTask("unwritable").get(soon), "end");
    const said = it.logged.filter(([level, text]) => level === "warn" && text === "a state could not be stored");
    assert.equal(said.length, 2);
  });

  it("refuses a state without a name, and replacements that are none", async () => {
    await using it = await stage((app) => {
      app.task("nameless", { bind: true }, (self) => self.updateState(""));
      app.task("nothing", { bind: true }, (self) => {
        throw self.replace("add" as never);
      });
    });
    assert.match((await failed(it.app.sendTask("nameless").get(soon))).message, /a state is ""; expected a text/);
    assert.match((await failed(it.app.sendTask("nothing").get(soon))).message, /something that is no signature/);
  });

  it("survives whatever a handler throws", async () => {
    const no = (): never => {
      throw new Error("no");
    };
    const things = [
      new Proxy(new Error("m"), { get: no, getPrototypeOf: no, has: no }),
      Object.defineProperty(new Error("m"), "name", { get: no }),
      null,
      undefined,
      Symbol("s"),
    ];
    await using it = await stage((app) => {
      app.task("odd", { bind: true, autoretryFor: [TypeError], throws: [TypeError] }, (self, index: number) => {
        void self.signal;
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- anything can be thrown
        throw things[index];
      });
    });
    for (const index of things.keys()) await failed(it.app.sendTask("odd", [index]).get(soon));
  });
});

import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import {
  CeleryError,
  ChordError,
  DecodeError,
  EncodeError,
  MaxRetriesExceededError,
  NotRegistered,
  OperationalError,
  SoftTimeLimitExceeded,
  TaskError,
  TaskRevokedError,
  TimeLimitExceeded,
  WorkerLostError,
} from "../errors.js";
import { data, mutated, orNull, thrownBy } from "./arbitraries.test.js";
import { errorToException, exceptionRepr, exceptionToError, pythonTraceback } from "./exception.js";

const doc = (exc_type: string, exc_message: unknown, exc_module: string | null = "builtins"): object => ({
  exc_type,
  exc_message,
  exc_module,
});

describe("an error as a Python exception", () => {
  class PaymentError extends Error {}
  class Renamed extends Error {
    override readonly name = "CardDeclined";
  }
  class Odd extends Error {
    override readonly name = "not a name!";
  }
  class Field extends TypeError {}
  const cases: readonly [error: unknown, type: string, args: unknown[], module: string | null][] = [
    [new Error("m"), "Exception", ["m"], "builtins"],
    [new TypeError("m"), "TypeError", ["m"], "builtins"],
    [new RangeError("m"), "RangeError", ["m"], "celeriac"],
    [new SyntaxError("m"), "SyntaxError", ["m"], "celeriac"],
    [new AggregateError([new Error("a"), "b"]), "AggregateError", ["a; b"], "celeriac"],
    [new AggregateError([], "m"), "AggregateError", ["m"], "celeriac"],
    [new DOMException("m", "AbortError"), "AbortError", ["m"], "celeriac"],
    [new PaymentError("m"), "PaymentError", ["m"], "celeriac"],
    [new Renamed("m"), "CardDeclined", ["m"], "celeriac"],
    [new Odd("m"), "Odd", ["m"], "celeriac"],
    [new Field("m"), "Field", ["m"], "celeriac"],
    [new CeleryError("m"), "CeleryError", ["m"], "celery.exceptions"],
    [new EncodeError("m"), "EncodeError", ["m"], "kombu.exceptions"],
    [new OperationalError("m"), "OperationalError", ["m"], "kombu.exceptions"],
    ["text", "Exception", ["text"], "builtins"],
    [undefined, "Exception", ["None"], "builtins"],
    [{ code: 1 }, "Exception", ["{'code': 1}"], "builtins"],
    [new TaskError("", { type: "Sold", module: "shop", args: [1, "x"] }), "Sold", [1, "x"], "shop"],
  ];
  for (const [error, type, args, module] of cases)
    it(`${module}.${type} for ${error instanceof Error ? error.constructor.name : String(error)}`, () => {
      assert.deepEqual(errorToException(error), { exc_type: type, exc_message: args, exc_module: module });
    });

  it("can be had of anything that can be thrown", () => {
    const hostile = {
      get message(): string {
        throw new Error("no");
      },
      toString(): string {
        throw new Error("no");
      },
    };
    const touchy = Object.defineProperty(new Error("m"), "message", {
      get(): string {
        throw new Error("no");
      },
    });
    const broken = Object.assign(new Error("m"), { name: 5, message: { not: "text" }, stack: 7 });
    for (const error of [hostile, touchy, broken, Object.create(null), () => 1, Symbol("s"), 10n, new Proxy({}, {})]) {
      assert.equal(errorToException(error).exc_module, "builtins");
      assert.match(pythonTraceback(error), /^Traceback \(most recent call last\):\n/);
    }
  });

  it("never claims a name in builtins that Python has for something else", () => {
    for (const name of ["map", "print", "SyntaxError", "Warning", "KeyError"]) {
      const error = Object.assign(new Error("m"), { name });
      assert.equal(errorToException(error).exc_module, "celeriac");
    }
  });
});

describe("a Python exception as an error", () => {
  it("is typed by module and type", () => {
    const classes: readonly [string, string, new (...args: never[]) => TaskError][] = [
      ["celery.exceptions", "NotRegistered", NotRegistered],
      ["celery.exceptions", "TaskRevokedError", TaskRevokedError],
      ["celery.exceptions", "ChordError", ChordError],
      ["celery.exceptions", "MaxRetriesExceededError", MaxRetriesExceededError],
      ["billiard.exceptions", "TimeLimitExceeded", TimeLimitExceeded],
      ["billiard.exceptions", "SoftTimeLimitExceeded", SoftTimeLimitExceeded],
      ["billiard.exceptions", "WorkerLostError", WorkerLostError],
      ["shop", "ChordError", TaskError],
    ];
    for (const [module, type, Class] of classes) {
      const error = exceptionToError(doc(type, ["x"], module), { taskId: "t" });
      assert.equal(error.constructor, Class);
      assert.deepEqual([error.type, error.module, error.args, error.taskId], [type, module, ["x"], "t"]);
    }
  });

  // What str(exc) gives in Python 3.11.
  const texts: readonly [exception: object, message: string][] = [
    [doc("ValueError", []), ""],
    [doc("ValueError", ["boom"]), "boom"],
    [doc("ValueError", [5]), "5"],
    [doc("ValueError", [null]), "None"],
    [doc("ValueError", [["a", true, 1.5]]), "['a', True, 1.5]"],
    [doc("ValueError", [{ a: null }]), "{'a': None}"],
    [doc("ValueError", ["boom", 1]), "('boom', 1)"],
    [doc("KeyError", ["x"]), "'x'"],
    [doc("KeyError", ["it's"]), '"it\'s"'],
    [doc("KeyError", ["a", 1]), "('a', 1)"],
    [doc("NotRegistered", ["app.add"], "celery.exceptions"), "'app.add'"],
    [doc("KeyError", ["x"], "shop"), "x"],
    [doc("FileNotFoundError", [2, "No such file or directory"]), "[Errno 2] No such file or directory"],
    [doc("FileNotFoundError", [2, "No such file or directory", "/x"]), "[Errno 2] No such file or directory: '/x'"],
    [doc("OSError", ["only"]), "only"],
    [doc("TimeLimitExceeded", [5], "billiard.exceptions"), "TimeLimitExceeded(5,)"],
    [doc("SoftTimeLimitExceeded", [], "billiard.exceptions"), "SoftTimeLimitExceeded()"],
    [doc("ValueError", "boom"), "boom"],
    [
      doc("UnpickleableExceptionWrapper", ["shop", "Sold", ["out", 1], "Sold()"], "celery.utils.serialization"),
      "('out', 1)",
    ],
  ];
  for (const [exception, message] of texts)
    it(`says ${JSON.stringify(message)} for ${JSON.stringify(exception)}`, () => {
      assert.equal(exceptionToError(exception, {}).message, message);
    });

  it("unwraps what could not be pickled", () => {
    const wrapped = doc("UnpickleableExceptionWrapper", ["shop", "Sold", ["out"], "x"], "celery.utils.serialization");
    const error = exceptionToError(wrapped, {});
    assert.deepEqual([error.type, error.module, error.args], ["Sold", "shop", ["out"]]);
  });

  it("has the worker's traceback, also in its stack", () => {
    const error = exceptionToError(doc("ValueError", ["boom"]), { traceback: "Traceback ...\nValueError: boom\n" });
    assert.equal(error.traceback, "Traceback ...\nValueError: boom\n");
    assert.match(error.stack ?? "", /exception\.test\.ts[^]*In the worker:\nTraceback \.\.\.\nValueError: boom/);
  });

  it("is an error even when nothing was stored", () => {
    assert.match(exceptionToError(null, { taskId: "t" }).message, /stored no exception/);
  });

  it("comes back from a journey through JavaScript", () => {
    const exceptions = fc.record(
      {
        exc_type: fc.stringMatching(/^[A-Z]\w{0,10}$/),
        exc_message: fc.array(data, { maxLength: 3 }),
        exc_module: orNull(fc.constantFrom("builtins", "shop.errors", "celery.exceptions")),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(exceptions, (exception) => {
        assert.deepEqual(errorToException(exceptionToError(exception, {})), exception);
      }),
      { numRuns: 150 },
    );
  });

  it("is refused with DecodeError and nothing else", () => {
    const whole = fc.constantFrom(doc("ValueError", ["a", 1]), doc("OSError", [1, "x", "y"]));
    fc.assert(
      fc.property(fc.oneof(mutated(whole), fc.anything()), (exception) => {
        const error = thrownBy(() => exceptionToError(exception, {}));
        assert.ok(error === undefined || error instanceof DecodeError, String(error));
      }),
      { numRuns: 500 },
    );
  });
});

describe("tracebacks", () => {
  function inner(): never {
    throw new RangeError("too far");
  }
  function outer(): never {
    try {
      inner();
    } catch (cause) {
      throw new Error("outer failed", { cause });
    }
  }
  const caught = thrownBy(outer);

  it("have Python's shape, the oldest frame first and the cause before its effect", () => {
    const text = pythonTraceback(caught);
    const parts = text.split("\nThe above exception was the direct cause of the following exception:\n\n");
    assert.equal(parts.length, 2);
    for (const part of parts)
      assert.match(part, /^Traceback \(most recent call last\):\n(?: {2}File ".+", line \d+, in .+\n)+\w/);
    assert.match(
      parts[0] ?? "",
      /in outer\n {2}File ".*exception\.test\.ts", line \d+, in inner\nRangeError: too far\n$/,
    );
    assert.match(parts[1] ?? "", /in outer\nError: outer failed\n$/);
  });

  it("end where causes go round in circles", () => {
    const a = new Error("a");
    const b = new Error("b", { cause: a });
    a.cause = b;
    assert.equal(pythonTraceback(a).split("direct cause").length, 2);
  });

  it("show a remote failure as the cause it is", () => {
    const remote = exceptionToError(doc("ValueError", ["boom"]), {
      traceback: "Traceback (most recent call last):\nX\n",
    });
    const text = pythonTraceback(remote);
    assert.match(text, /^Traceback \(most recent call last\):\nX\n\nThe above exception/);
    assert.match(text, /ValueError: boom\n$/);
  });

  it("need no stack", () => {
    assert.equal(pythonTraceback("boom"), "Traceback (most recent call last):\nException: boom\n");
    assert.equal(pythonTraceback(null), "Traceback (most recent call last):\nException: None\n");
    const bare = Object.assign(new Error(""), { stack: undefined });
    assert.equal(pythonTraceback(bare), "Traceback (most recent call last):\nError\n");
  });
});

describe("tracebacks of what nobody expects", () => {
  const error = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);

  it("stay short: many causes, many frames, long messages", () => {
    let deep = error("0");
    for (let n = 1; n <= 100; n++) deep = new Error(String(n), { cause: deep });
    const chain = pythonTraceback(deep);
    assert.equal(chain.split("direct cause").length, 20);
    assert.match(chain, /^Traceback \(most recent call last\):\n[^]*?Error: 0\n\n\[81 more exceptions, each the cause/);
    assert.match(chain, /Error: 100\n$/);

    const frames = Array.from({ length: 50_000 }, (_, n) => `    at f${n} (file:///x/y.js:${n}:1)`);
    const tall = pythonTraceback(error("m", { stack: `Error: m\n${frames.join("\n")}` }));
    assert.equal(tall.split("\n").length, 104);
    assert.match(tall, /in f49950\n {2}\[49900 more frames are left out\]\n.*in f49\n[^]*in f0\nError: m\n$/);

    const long = pythonTraceback(error("x".repeat(2 ** 20)));
    assert.ok(long.length < 20_000);
    assert.match(long, /x\.\.\.\n$/);
    assert.ok(pythonTraceback(error("m", { stack: "(".repeat(2 ** 20) })).length < 100);
  });

  it("have frames from the stack alone, whatever the message says", () => {
    const text = pythonTraceback(new Error("first\n    at fake (file:///fake.js:1:1)"));
    assert.ok(!text.includes('File "/fake.js"'));
  });

  it("show what an AggregateError gathers", () => {
    const text = pythonTraceback(new AggregateError([new TypeError("a"), new Error("b"), "c"], "all of them"));
    const [first, second, last, ...more] = text.split(/\nThe above exception is one of those that .*\n\n/);
    assert.match(first!, /TypeError: a\n$/);
    assert.match(second!, /Error: b\n$/);
    assert.match(last!, /AggregateError: all of them\n$/);
    assert.deepEqual(more, []);
  });

  it("know errors of other realms", () => {
    const foreign: unknown = runInNewContext('Object.assign(new TypeError("far away"), { cause: new Error("why") })');
    assert.deepEqual(errorToException(foreign), doc("TypeError", ["far away"]));
    assert.match(pythonTraceback(foreign), /Error: why\n\nThe above[^]*TypeError: far away\n$/);
  });

  it("name the class as Python sees it", () => {
    class PaymentError extends Error {}
    assert.match(pythonTraceback(new PaymentError("no funds")), /\nPaymentError: no funds\n$/);
  });

  it("are had of errors that throw when looked at", () => {
    const no = (): never => {
      throw new Error("no");
    };
    const traps = { get: no, getPrototypeOf: no, has: no, ownKeys: no };
    for (const name of ["message", "name", "stack", "cause", "errors", "constructor"])
      assert.match(pythonTraceback(Object.defineProperty(new Error("m"), name, { get: no })), /^Traceback/);
    for (const target of [{}, new Error("m"), () => 1]) {
      const proxy: unknown = new Proxy(target, traps);
      assert.match(pythonTraceback(proxy), /^Traceback/);
      assert.equal(errorToException(proxy).exc_type, "Exception");
    }
  });
});

describe("exception reprs", () => {
  it("are Python's", () => {
    assert.equal(
      exceptionRepr({ exc_type: "ValueError", exc_message: ["boom", 1], exc_module: null }),
      "ValueError('boom', 1)",
    );
    assert.equal(exceptionRepr({ exc_type: "A.B", exc_message: [], exc_module: null }), "B()");
    assert.equal(exceptionRepr({ exc_type: "E", exc_message: "x", exc_module: null }), "E('x')");
  });
});

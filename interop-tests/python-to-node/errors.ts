import { runInNewContext } from "node:vm";
import {
  CeleryError,
  ImproperlyConfigured,
  MaxRetriesExceededError,
  OperationalError,
  SoftTimeLimitExceeded,
  TaskError,
} from "../../src/index.js";

/** One thing that a task of ours throws, and what Python's `result.get()` raises for it. */
export interface Thrown {
  readonly make: () => unknown;
  /** `type(exc).__name__`. */
  readonly type: string;
  /** `type(exc).__module__`; left out where Python makes a class up on the spot. */
  readonly module?: string;
  readonly args: readonly unknown[];
  /** `str(exc)`. Default: the only argument. */
  readonly message?: string;
  /** Anything more that the traceback has to say; its shape is looked at always. */
  readonly traceback?: RegExp;
}

class PaymentError extends Error {}
class Named extends Error {
  override readonly name = "CardDeclined";
}
class Oddly extends Error {
  override readonly name = "declined (402)";
}
class Fields extends Error {
  readonly code = "ENOENT";
  readonly errno = -2;
  readonly path = "/nowhere";
}

function deep(levels: number): Error {
  let error = new Error("level 0");
  for (let n = 1; n < levels; n++) error = new Error(`level ${n}`, { cause: error });
  return error;
}

function circle(): Error {
  const first = new Error("first");
  const second = new Error("second", { cause: first });
  first.cause = second;
  return first;
}

const no = (): never => {
  throw new Error("not to be looked at");
};
const hidden = "an error that cannot be shown";
const MIB = 2 ** 20;
const task = {
  taskId: "some-task",
  traceback: 'Traceback (most recent call last):\n  File "shop.py", line 1, in buy\n',
};

export const thrown: Readonly<Record<string, Thrown>> = {
  "an Error": { make: () => new Error("it broke"), type: "Exception", module: "builtins", args: ["it broke"] },
  "an Error without a message": { make: () => new Error(), type: "Exception", module: "builtins", args: [""] },
  "a TypeError": { make: () => new TypeError("no type"), type: "TypeError", module: "builtins", args: ["no type"] },
  "a RangeError": { make: () => new RangeError("too far"), type: "RangeError", args: ["too far"] },
  "a SyntaxError, which is something else in Python": {
    make: () => new SyntaxError("?!"),
    type: "SyntaxError",
    module: "celery.exceptions",
    args: ["?!"],
  },
  "a subclass": {
    make: () => new PaymentError("402"),
    type: "PaymentError",
    args: ["402"],
    traceback: /PaymentError: 402\n$/,
  },
  "a subclass with a name": { make: () => new Named("402"), type: "CardDeclined", args: ["402"] },
  "a subclass with a name that is none": { make: () => new Oddly("402"), type: "Oddly", args: ["402"] },
  "a class without a name": {
    make: () => new (class extends Error {})("x"),
    type: "Exception",
    module: "builtins",
    args: ["x"],
  },
  "a name of Python's that is no exception": {
    make: () => Object.assign(new Error("m"), { name: "print" }),
    type: "print",
    module: "celery.exceptions",
    args: ["m"],
  },
  "quotes and lines in a message": {
    make: () => new Error('it\'s\n"this"\t\u0000 Grüße 🎉'),
    type: "Exception",
    args: ['it\'s\n"this"\t\u0000 Grüße 🎉'],
  },
  "a cause": {
    make: () => new Error("outer", { cause: new RangeError("inner") }),
    type: "Exception",
    args: ["outer"],
    traceback:
      /RangeError: inner\n\nThe above exception was the direct cause of the following exception:\n\nTraceback[^]*Error: outer\n$/,
  },
  "a cause that is no error": {
    make: () => new Error("outer", { cause: { code: 1 } }),
    type: "Exception",
    args: ["outer"],
    traceback: /Exception: \{'code': 1\}\n\nThe above[^]*Error: outer\n$/,
  },
  "causes in a circle": {
    make: circle,
    type: "Exception",
    args: ["first"],
    traceback: /second\n\nThe above[^]*first\n$/,
  },
  "causes a hundred deep": {
    make: () => deep(100),
    type: "Exception",
    args: ["level 99"],
    traceback: /^Traceback[^]*level 0\n\n\[80 more[^]*level 99\n$/,
  },
  "an AggregateError": {
    make: () => new AggregateError([new Error("a"), new TypeError("b"), "c"], "all failed"),
    type: "AggregateError",
    args: ["all failed"],
    traceback: /Error: a\n\nThe above exception is one of[^]*TypeError: b\n[^]*AggregateError: all failed\n$/,
  },
  "an AggregateError without a message": {
    make: () => new AggregateError([new Error("a"), "c"]),
    type: "AggregateError",
    args: ["a; c"],
  },
  "a text": { make: () => "only a text", type: "Exception", module: "builtins", args: ["only a text"] },
  "a number": { make: () => 42, type: "Exception", args: ["42"] },
  "a bigint": { make: () => 2n ** 70n, type: "Exception", args: [String(2n ** 70n)] },
  null: { make: () => null, type: "Exception", args: ["None"] },
  undefined: { make: () => undefined, type: "Exception", args: ["None"] },
  "an object": { make: () => ({ code: 1, text: "x" }), type: "Exception", args: ["{'code': 1, 'text': 'x'}"] },
  "an object without a prototype": {
    make: () => Object.assign(Object.create(null) as object, { a: 1 }),
    type: "Exception",
    args: ["{'a': 1}"],
  },
  "a symbol": { make: () => Symbol("s"), type: "Exception", args: ["<Symbol(s)>"] },
  "a function": { make: () => no, type: "Exception", args: ["<function no>"] },
  "a Map": { make: () => new Map([["a", 1]]), type: "Exception", args: ["{'a': 1}"] },
  "an object whose getters throw": {
    make: () => Object.defineProperty({}, "message", { get: no, enumerable: true }),
    type: "Exception",
    args: ["{'message': None}"],
  },
  "an error whose message throws": {
    make: () => Object.defineProperty(new Error("m"), "message", { get: no }),
    type: "Exception",
    args: [hidden],
  },
  "an error whose stack throws": {
    make: () => Object.defineProperty(new Error("m"), "stack", { get: no }),
    type: "Exception",
    args: ["m"],
  },
  "a proxy": { make: () => new Proxy(new Error("behind"), {}), type: "Exception", args: ["behind"] },
  "a proxy that refuses everything": {
    make: () => new Proxy(new Error("m"), { get: no, getPrototypeOf: no, has: no, ownKeys: no }),
    type: "Exception",
    args: [hidden],
  },
  "a frozen error": { make: () => Object.freeze(new Error("cold")), type: "Exception", args: ["cold"] },
  "extra properties": {
    make: () => new Fields("ENOENT: no such file"),
    type: "Fields",
    args: ["ENOENT: no such file"],
  },
  "a DOMException": { make: () => new DOMException("stop", "AbortError"), type: "AbortError", args: ["stop"] },
  "the reason of an AbortSignal": {
    make: () => AbortSignal.abort().reason as unknown,
    type: "AbortError",
    args: ["This operation was aborted"],
  },
  "an error of another realm": {
    make: () => runInNewContext('new TypeError("far away")') as unknown,
    type: "TypeError",
    module: "builtins",
    args: ["far away"],
  },
  "a message of 1 MiB": { make: () => new Error("x".repeat(MIB)), type: "Exception", args: ["x".repeat(MIB)] },
  "a stack of 1 MiB": {
    make: () => Object.assign(new Error("m"), { stack: `Error: m\n${"    at f (/x/y.js:1:1)\n".repeat(MIB / 23)}` }),
    type: "Exception",
    args: ["m"],
    traceback: /^[^]{1,8192}$/,
  },
  "an error of the library": {
    make: () => new OperationalError("no broker"),
    type: "OperationalError",
    module: "kombu.exceptions",
    args: ["no broker"],
  },
  "another one": {
    make: () => new ImproperlyConfigured("wrong"),
    type: "ImproperlyConfigured",
    module: "celery.exceptions",
    args: ["wrong"],
  },
  CeleryError: { make: () => new CeleryError("m"), type: "CeleryError", module: "celery.exceptions", args: ["m"] },
  "Python's own failure, thrown on": {
    make: () => new TaskError("'missing'", { type: "KeyError", module: "builtins", args: ["missing"], ...task }),
    type: "KeyError",
    module: "builtins",
    args: ["missing"],
    message: "'missing'",
    traceback: /File "shop\.py", line 1, in buy\n\nThe above exception/,
  },
  "a class of the Python side, thrown on": {
    make: () => new TaskError("x", { type: "PaymentError", module: "tasks", args: [402, "no funds"] }),
    type: "PaymentError",
    module: "tasks",
    args: [402, "no funds"],
    message: "payment failed with 402: no funds",
  },
  MaxRetriesExceededError: {
    make: () =>
      new MaxRetriesExceededError("no more", {
        type: "MaxRetriesExceededError",
        module: "celery.exceptions",
        args: ["no more"],
      }),
    type: "MaxRetriesExceededError",
    module: "celery.exceptions",
    args: ["no more"],
  },
  SoftTimeLimitExceeded: {
    make: () =>
      new SoftTimeLimitExceeded("", { type: "SoftTimeLimitExceeded", module: "billiard.exceptions", args: [] }),
    type: "SoftTimeLimitExceeded",
    module: "billiard.exceptions",
    args: [],
    message: "SoftTimeLimitExceeded()",
  },
};

import type { Difference } from "./row.js";

/** The differences of docs/differences.md that rows of the table show, by the first words of their lines there. */

type Part = "documents" | "events" | "next";

/** Changes the lines of some parts. */
const lines =
  (parts: readonly Part[], change: (line: string) => string): Difference["ours"] =>
  (python) => ({
    ...python,
    ...Object.fromEntries(parts.map((part) => [part, python[part].map(change)])),
  });

/** Failures that come twice in a row come once. */
const once = (all: readonly string[]): string[] =>
  all.filter((line, at) => line !== all[at - 1] || !/"FAILURE"|"task-failed"/.test(line));

const timeLimit = "A hard time limit and a lost thread are told of once, and by name.";
export const toldTwice: Difference = {
  line: timeLimit,
  ours: (python) => ({
    ...python,
    documents: once(python.documents),
    events: once(python.events).map((line) => line.replace("ExceptionWithTraceback()", "TimeLimitExceeded(1)")),
  }),
};

const LOST = /signal 9 \(SIGKILL\) Job: \d+\./;
const lostThread = "exitcode 1.";
export const toldAsLost: Difference = {
  line: timeLimit,
  ours: lines(["documents", "events"], (line) =>
    line
      .replace(LOST, lostThread)
      .replace("ExceptionWithTraceback()", `WorkerLostError('Worker exited prematurely: ${lostThread}')`),
  ),
};

/** `replyTo`: what ours has instead of the Python worker's own. */
const replyAddress = (replyTo: string): Difference => ({
  line: "What a worker sends on has the first caller's reply address, or none.",
  ours: lines(["next"], (line) => line.replace(/"replyTo":"UUID\d+"/, `"replyTo":"${replyTo}"`)),
});
export const noReplyAddress = replyAddress("");
export const callersReplyAddress = replyAddress("reply-to");

export const replacedChain: Difference = {
  line: "The steps after a replaced task get no reply address.",
  ours: lines(["next"], (line) => line.replaceAll(/("replaced_task_nesting":1,)"reply_to":"UUID\d+",/g, "$1")),
};

export const immutableTuple: Difference = {
  line: "`argsrepr` is a tuple",
  ours: lines(["next"], (line) => line.replace('"argsrepr":"[1]"', '"argsrepr":"(1,)"')),
};

export const noOriginProperty: Difference = {
  line: "A retried message has no property `origin`.",
  // RabbitMQ takes no properties that it does not know.
  on: "redis",
  ours: lines(["next"], (line) => line.replace(/"other":\{"origin":(?:"ORIGIN"|null)\},/, "")),
};

/** The words are those of our error, in the document and in the event. */
export const ownWords = (python: string, ours: string): Difference => ({
  line: "Wrong arguments are told of in this library's words.",
  ours: lines(["documents", "events"], (line) => line.replace(python, ours)),
});

/** Ours says nothing of the task, and keeps the message where rejected ones go. */
export const rejectedInstead: Difference = {
  line: "Arguments and links of the wrong kind are rejected.",
  ours: (python) => ({ ...python, documents: [], events: [], settled: "rejected" }),
};

/** With extended results on RabbitMQ, as the suite has it. */
const step = (id: string, name: string, extended: boolean): string => {
  const [before, between, after] = extended
    ? ['"args":[1],', '"kwargs":{"k":2},"name":"NAME","queue":null,', ',"worker":null']
    : ["", "", ""];
  const result = '{"exc_message":["boom"],"exc_module":"builtins","exc_type":"Exception"}';
  const retries = extended ? '"retries":0,' : "";
  return `{${before}"children":[],"date_done":"TIME",${between}"result":${result},${retries}"status":"FAILURE","task_id":"${id}","traceback":"TEXT"${after}}`.replace(
    "NAME",
    name,
  );
};
const marked = (on: string, extended: boolean): Difference => ({
  line: "The rest of a broken chain is marked failed,",
  on,
  ours: (python) => ({
    ...python,
    documents: [step("$B", "other.third", extended), step("$A", "other.second", extended)],
  }),
});
export const chainMarked: readonly Difference[] = [marked("redis", false), marked("amqp", true)];

export const nullRetries: Difference = {
  line: "`retries` that are null count as 0,",
  ours: lines(["documents", "events"], (line) => line.replace('"retries":null', '"retries":0')),
};

/** Texts that Python leaves out of events, in the message of protocol 1. */
export const protocolOne = (args: string): Difference => ({
  line: "Protocol 1 is read in full.",
  ours: (python) => ({
    ...python,
    events: python.events.map((line) =>
      line.replace('"args":null', `"args":"${args}"`).replace('"kwargs":null', '"kwargs":"{}"'),
    ),
    next: python.next.map((line) =>
      line
        .replace('"group_index":null', '"group_index":1')
        .replace('"meth":null,', "")
        .replace('"origin":"ORIGIN"', '"origin":null'),
    ),
  }),
});

export const stoppedSaysWhy: Difference = {
  line: "A task that a cold shutdown stopped says so",
  ours: lines(["documents"], (line) =>
    line.replace('["Retry(Retry(...), None, None)",null,null]', '["cancelled by Celery"]'),
  ),
};

export const keepsOrder: Difference = {
  line: "On Redis, what a worker gives back keeps its order",
  on: "redis",
  ours: (python) => ({ ...python, left: python.left.toReversed() }),
};

/** Ours does not start it a second time, and tells of the stored result. */
export const skippedTold: Difference = {
  line: "A task that is skipped because it had succeeded",
  ours: (python) => ({
    ...python,
    events: python.events
      .filter((line, at) => !(line.includes('"task-started"') && at > 1))
      .map((line) => line.replace('"result":null,"runtime":null', `"result":"'first'","runtime":"RUNTIME"`)),
  }),
};

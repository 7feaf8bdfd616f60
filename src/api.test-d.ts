/** What the compiler must accept and refuse: checked by `tsc` alone, never run. */
/* eslint-disable @typescript-eslint/no-unused-vars -- the values exist for their types */
import { z } from "zod";
import { Celery, type Callable, type Task, type TaskContext } from "./index.js";
import { Worker } from "./worker/index.js";

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | undefined => undefined;

const app = new Celery({ broker: "amqp://" });

const add = app.task<(x: number, y: number) => number>("proj.add");
is<Eq<typeof add, Task<[x: number, y: number], number>>>();
const mul = app.task("proj.mul", async (x: number, y: number) => x * y);
is<Eq<typeof mul, Task<[x: number, y: number], number>>>();
const fetchPage = app.task(
  "proj.fetch",
  { bind: true, maxRetries: 3, params: ["url"] },
  async (self: TaskContext, url: string) => {
    if (self.retries) self.retry({ countdown: 5 });
    return url.length;
  },
);
is<Eq<typeof fetchPage, Task<[url: string], number>>>();
const inferred = app.task("proj.inferred", { bind: true }, async (self, url: string) => `${self.id}${url}`);
is<Eq<typeof inferred, Task<[url: string], string>>>();
const named = app.task("proj.named", { params: ["x", "y"] }, (x: number, y: string) => x + y);
is<Eq<typeof named, Task<[x: number, y: string], string>>>();
// @ts-expect-error wrong count of names
app.task("proj.named2", { params: ["x"] }, (x: number, y: string) => x + y);
const again = app.task<typeof mul>("proj.mul");
is<Eq<typeof again, Task<[x: number, y: number], number>>>();
const untyped = app.task("proj.any");
void untyped.delay(1, "x");
const opt = app.task<(x: number, y?: number) => number>("proj.opt");
const everything: Callable[] = [add, mul, named, add.s(1)];
void everything;

export async function calls(): Promise<void> {
  const r = await add.delay(2, 3);
  const v = await r.get();
  is<Eq<typeof v, number>>();
  const w = await add.delay(2, 3).get({ timeout: 10 });
  is<Eq<typeof w, number>>();
  // @ts-expect-error a text is not a number
  void add.delay("2", 3);
  // @ts-expect-error one argument is missing
  void add.applyAsync([1]);
  // @ts-expect-error no such option
  void add.applyAsync([1, 2], { countDown: 1 });
  const s1 = add.s(2);
  const s1v = await s1.delay(3).get();
  is<Eq<typeof s1v, number>>();
  const s2v = await add.s(2, 2).delay().get();
  is<Eq<typeof s2v, number>>();
  // @ts-expect-error missing x
  void s1.delay();
  await opt.s(1).delay().get();
  await add.applyAsync([1, 2], { link: mul.s(3), linkError: [untyped.s()] });
  add.s(1, 1).link(mul.s(2)).link(untyped.si("x"));
  for await (const update of r.updates()) void update.state;
  const unknownResult = await app.sendTask("proj.any", [1]).get();
  is<Eq<typeof unknownResult, unknown>>();
  // @ts-expect-error unknown setting
  new Celery({ broker: "amqp://", taskSerialiser: "json" });
}

export async function workers(): Promise<void> {
  await using worker = await new Worker(app, { queues: ["celery"] }).start();
  await worker.run({ signal: AbortSignal.timeout(1) });
}

export const withThrow = app.task("a", { bind: true }, async (self, url: string): Promise<number> => {
  try {
    return url.length;
  } catch (cause) {
    throw self.retry({ cause, countdown: 5 });
  }
});

const schema = z.tuple([z.string().transform(Number), z.enum(["a", "b"])]);
const checked = app.task("proj.checked", { schema, params: ["count", "kind"] }, (count, kind) => `${count + 1}${kind}`);
is<Eq<typeof checked, Task<[string, "a" | "b"], string>>>();
const bound = app.task("proj.checked2", { schema, bind: true }, async (self, count: number) => self.retries + count);
is<Eq<typeof bound, Task<[string, "a" | "b"], number>>>();
const open = app.task(
  "proj.checked3",
  { schema: z.tuple([z.number()], z.number()) },
  (first, ...rest) => rest.length + first,
);
is<Eq<typeof open, Task<[number, ...number[]], number>>>();
// @ts-expect-error the handler gets the number that the schema makes
app.task("proj.checked4", { schema }, (count: string) => count);
// @ts-expect-error a schema of something that is no list of arguments
app.task("proj.checked5", { schema: z.string() }, (text: string) => text);
// @ts-expect-error more arguments than the schema lets through
app.task("proj.checked6", { schema }, (count: number, kind: string, more: string) => more + kind + count);
// @ts-expect-error the schema takes a text
void checked.delay(1, "a");

export function hooks(): void {
  app.signals.beforeTaskPublish.connect(({ headers, properties, parent }) => {
    headers.traceparent ??= parent?.headers.traceparent;
    properties.priority = 3;
  });
  app.signals.taskFailure.connect(async ({ exception, request }) => void [exception, request.timeLimit]);
  // @ts-expect-error no such signal
  void app.signals.taskSent;
}

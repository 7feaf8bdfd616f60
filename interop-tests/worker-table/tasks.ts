import type { Celery, TaskContext, TaskOptions } from "../../src/index.js";
import { Ignore, Reject } from "../../src/index.js";
import type { Behaviour, Declaration } from "./row.js";

interface RetrySettings {
  readonly times: number;
  readonly cause?: string;
  readonly countdown?: number;
  readonly queue?: string;
  readonly maxRetries?: number | null;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

interface StatesSettings {
  readonly states: readonly (readonly [string, unknown])[];
  readonly then: "value" | "fail" | "ignore" | "requeue";
}

/** Until somebody stops it; a minute at most. */
const stopped = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("nobody stopped it")), 60_000);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });

type Handler = (self: TaskContext, ...args: never[]) => unknown;

const handlers: Readonly<Record<Behaviour, Handler>> = {
  add: (_self, x: number, y: number) => x + y,
  fail: () => {
    throw new Error("boom");
  },
  nap: () => new Promise((resolve) => setTimeout(() => resolve("rested"), 2000)),
  hang: (self) => stopped(self.signal),
  hang_once: (self) => (self.request.deliveryInfo.redelivered ? "back" : stopped(self.signal)),
  hang_caught: (self) => stopped(self.signal).catch(() => "cleaned up"),
  die: () => process.exit(1),
  die_once: (self) => {
    if (self.request.deliveryInfo.redelivered || self.retries > 0) return "back";
    return process.exit(1);
  },
  retry: (self, { times, cause, ...options }: RetrySettings) => {
    if (self.retries >= times) return `after ${self.retries}`;
    throw self.retry({ ...options, ...(cause && { cause: new Error(cause) }) });
  },
  ignore: () => {
    throw new Ignore("not worth it");
  },
  reject: (self, { requeue }: { requeue: boolean }) => {
    if (self.request.deliveryInfo.redelivered) return "back";
    throw new Reject("not for me", { requeue });
  },
  states: async (self, { states, then }: StatesSettings) => {
    for (const [state, meta] of states) await self.updateState(state, meta);
    if (then === "fail") throw new Error("boom");
    if (then === "ignore") throw new Ignore();
    if (then === "requeue") {
      if (self.request.deliveryInfo.redelivered) return "ran again";
      throw new Reject("not for me", { requeue: true });
    }
    return "done";
  },
  replace: (self, { task, args, queue }: { task: string; args: unknown[]; queue: string }) => {
    throw self.replace(app_(self).signature(task, args, { queue }));
  },
};

const apps = new Map<string, Celery>();
const app_ = (self: TaskContext): Celery => apps.get(self.name) as Celery;

const errors: Readonly<Record<string, ErrorConstructor>> = { Error, TypeError };

/** Rows have names where options have classes. */
function taskOptions({ options }: Declaration): TaskOptions {
  const { autoretryFor, ...others } = options as { autoretryFor?: readonly string[] };
  const classes = autoretryFor?.flatMap((name) => errors[name] ?? []);
  return { ...others, ...(classes && { autoretryFor: classes }) };
}

export function defineTableTasks(app: Celery, tasks: readonly Declaration[]): void {
  for (const task of tasks) {
    const { name, does } = task;
    apps.set(name, app);
    app.task(name, { ...taskOptions(task), bind: true } as never, handlers[does] as never);
  }
  app.task("table.fence", () => null);
}

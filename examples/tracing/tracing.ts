import { randomBytes } from "node:crypto";
import type { Celery } from "celeriac";

/** One run of a task, as a tracer shows it. */
export interface Span {
  readonly name: string;
  readonly trace: string;
  readonly span: string;
  readonly parent: string;
  readonly failed: boolean;
}

/** The id of a run, wherever it is needed: made from the task's, so nothing has to be remembered. */
const spanOf = (taskId: string): string => taskId.replaceAll("-", "").slice(-16);

/**
 * W3C trace context in the headers where Python's instrumentation reads and writes it: a trace that begins in a web
 * request goes on through a TypeScript task, the Python task that it sends, and whatever follows that one.
 */
export function traceTasks(app: Celery, finished: (span: Span) => void): void {
  app.signals.beforeTaskPublish.connect(({ headers, taskId, parent }) => {
    const inherited = parent?.headers.traceparent;
    const trace = typeof inherited === "string" ? inherited.split("-")[1] : randomBytes(16).toString("hex");
    // A caller's own stays: `{ headers: { traceparent } }`. So does that of a task that is tried again.
    headers.traceparent ??= `00-${trace}-${spanOf(parent?.id ?? taskId)}-01`;
  });
  app.signals.taskPostrun.connect(({ taskId, task, request, state }) => {
    const [, trace = "", parent = ""] = String(request.headers.traceparent).split("-");
    finished({ name: `run/${task}`, trace, span: spanOf(taskId), parent, failed: state === "FAILURE" });
  });
}

import type { Signals } from "../client/signals.js";
import { CeleryError, OperationalError } from "../errors.js";
import { errorToException, exceptionRepr, pythonTraceback } from "../protocol/exception.js";
import { saferepr } from "../protocol/saferepr.js";
import type { Logger } from "../util/logger.js";
import { now } from "../util/time.js";
import type { EventDispatcher } from "./events.js";
import type { Ending } from "./execution.js";
import type { Forwarder } from "./forward.js";
import { sendErrbacks, failChain, sendNext } from "./next-steps.js";
import type { Redeliveries } from "./redeliveries.js";
import { replace } from "./replace.js";
import type { Request } from "./request.js";
import type { Results } from "./results.js";
import { sendRetry } from "./retry.js";
import type { RetryPlan } from "./run/outcome.js";
import { requestInfo } from "./run/run-request.js";
import type { Successes } from "./successes.js";

export interface FinishHost {
  readonly hostname: string;
  readonly results: Results;
  readonly forwarder: Forwarder;
  readonly accept: ReadonlySet<string>;
  readonly successes: Successes;
  readonly redeliveries: Redeliveries;
  readonly events: EventDispatcher;
  readonly signals: Signals;
  readonly logger: Logger;
}

/**
 * What becomes of the message of a task that acknowledges late; "leave" keeps it for the broker to give to somebody,
 * "return" gives it to somebody too, without counting that among the deaths of its workers.
 */
type Settlement = "ack" | "reject" | "requeue" | "return" | "leave";

/**
 * What follows a run, in Celery's order (celery/app/trace.py, celery/worker/request.py): next steps are sent before the
 * result is stored, and a late acknowledgement comes last. Never rejects.
 */
export async function finish(request: Request, ending: Ending, host: FinishHost): Promise<void> {
  try {
    await settle(request, await conclude(request, ending, host), host);
  } catch (error) {
    host.logger.error("the outcome of a task could not be recorded", { ...fields(request), error });
    void signal("taskInternalError", request, host, () => ({ exception: error }));
    // With late acknowledgement the message goes back: the task runs again rather than ending without a trace.
    await settle(request, "return", host);
  }
}

/** Settles what is not settled: only messages of tasks that acknowledge late still are. */
export async function settle(
  request: Request,
  how: Settlement,
  { events, redeliveries }: Pick<FinishHost, "events" | "redeliveries">,
): Promise<void> {
  if (request.acknowledged || how === "leave") return;
  if (how === "ack") return request.ack();
  request.acknowledged = true;
  const requeue = how !== "reject";
  const blameless = how === "return" && redeliveries.concerns(request);
  const rejected = blameless ? redeliveries.giveBack(request) : request.delivery.reject({ requeue });
  // Before it can be received again.
  events.task("task-rejected", request, { requeue });
  await rejected;
}

async function conclude(request: Request, ending: Ending, host: FinishHost): Promise<Settlement> {
  try {
    switch (ending.kind) {
      case "success":
        return await succeed(request, ending.value, host);
      case "retry":
        return await retry(request, ending, host);
      case "replace":
        await replace(request, ending.signature, host);
        return "ack";
      case "ignore":
        host.logger.info(`Task ${request.name}[${request.id}] ignored`, fields(request));
        return "ack";
      case "reject":
        // One that comes back has no outcome yet; one that does not has failed (Celery 5.7).
        if (ending.requeue) return "return";
        await fail(request, ending.error, host, { traceback: ending.traceback, stored: null });
        return "reject";
      case "failure":
        await fail(request, ending.error, host, { ...ending, settlement: onFailure(request) });
        return "leave";
      case "timeout":
        await fail(request, ending.error, host, {
          stored: null,
          settlement: request.acksOnTimeout ? "ack" : "requeue",
        });
        return "leave";
      case "lost":
        return await lost(request, ending.error, host);
      case "terminated":
        await revoked(request, { terminated: true, signum: ending.signum, expired: false }, host);
        return "ack";
      case "cancelled":
        return await cancelled(request, ending.retry, host);
      case "dead":
        await fail(request, ending.error, host, { settlement: ending.settlement });
        return "leave";
    }
  } catch (unwritten) {
    // What cannot be written or routed is the task's failure; a broker or a store that is away is not.
    if (unwritten instanceof OperationalError) throw unwritten;
    await fail(request, unwritten, host, { settlement: onFailure(request) });
    return "leave";
  }
}

const onFailure = (request: Request): Settlement => (request.acksOnFailure ? "ack" : "reject");

async function succeed(request: Request, value: unknown, host: FinishHost): Promise<Settlement> {
  const runtime = request.startedAt === null ? 0 : (now() - request.startedAt) / 1000;
  if (request.task.callbacks?.length || request.task.chain?.length) await sendNext(request, value, host);
  if (request.storesResult) await host.results.success(request, value);
  host.successes.add(request.id);
  if (host.events.enabled) host.events.task("task-succeeded", request, { result: saferepr(value), runtime });
  if (host.logger.isLevelEnabled?.("info") ?? true)
    host.logger.info(`Task ${request.name}[${request.id}] succeeded in ${runtime}s: ${saferepr(value)}`, {
      ...fields(request),
      runtime,
    });
  if (host.signals.taskSuccess.connected) void signal("taskSuccess", request, host, () => ({ result: value, runtime }));
  return "ack";
}

async function fail(
  request: Request,
  error: unknown,
  host: FinishHost,
  how: {
    readonly traceback?: string | undefined;
    readonly expected?: boolean;
    /** Python stores no traceback of what its main process finds out: refused messages, hard limits, lost processes. */
    readonly stored?: null;
    /** Comes before the event, as in Python. */
    readonly settlement?: Settlement;
  } = {},
): Promise<void> {
  const traceback = how.traceback ?? pythonTraceback(error);
  const exception = errorToException(error);
  const text = exceptionRepr(exception);
  if (how.expected) host.logger.info(`Task ${request.name}[${request.id}] raised expected: ${text}`, fields(request));
  else
    host.logger.error(`Task ${request.name}[${request.id}] raised unexpected: ${text}`, { ...fields(request), error });
  if (request.storesErrors) await host.results.failure(request, exception, how.stored === undefined ? traceback : null);
  await failChain(request, error, traceback, host);
  await sendErrbacks(request, host);
  if (how.settlement) await settle(request, how.settlement, host);
  host.events.task("task-failed", request, { exception: text, traceback });
  void signal("taskFailure", request, host, () => ({ exception: error, traceback }));
}

/** `asked`: by the task itself. Then Python makes the next attempt a child of this one, and the task its own parent. */
async function retry(request: Request, plan: RetryPlan, host: FinishHost, asked = true): Promise<Settlement> {
  const { cause } = plan;
  const exception = cause === undefined ? null : errorToException(cause);
  const traceback = plan.traceback ?? (cause === undefined ? null : pythonTraceback(cause));
  const child = { id: request.id, parent: null, children: null };
  if (asked) request.addChild(child);
  // Before the next attempt can end: RETRY must not arrive after its result. A store that is away does not stop it.
  if (request.storesErrors)
    await host.results.retry(request, exception, traceback).catch((error: unknown) => {
      host.logger.error("RETRY could not be stored", { ...fields(request), error });
    });
  try {
    await sendRetry(request, plan, host, request.task.parentId ?? (asked ? request.id : null));
  } catch (error) {
    // Nobody would hear of it again. A message that is not acknowledged yet goes back instead.
    if (!request.acknowledged) throw error;
    if (asked) request.children.splice(request.children.indexOf(child), 1);
    await fail(request, error, host);
    return "ack";
  }
  const text = exception ? exceptionRepr(exception) : "None";
  host.events.task("task-retried", request, { exception: text, traceback });
  host.logger.info(`Task ${request.name}[${request.id}] retry: ${retryText(plan, text)}`, fields(request));
  void signal("taskRetry", request, host, () => ({ reason: cause }));
  return "ack";
}

const retryText = ({ when, cause }: RetryPlan, text: string): string =>
  `Retry ${when instanceof Date ? `at ${when.toISOString()}` : `in ${when}s`}${cause === undefined ? "" : `: ${text}`}`;

/** The thread that ran it died. */
async function lost(request: Request, error: CeleryError, host: FinishHost): Promise<Settlement> {
  const { retries } = request.task;
  const { maxRetries = 3, defaultRetryDelay = 180 } = request.definition.options;
  const retriesLeft = maxRetries === null || retries < maxRetries;
  if (request.retryOnWorkerLost && retriesLeft) {
    const when = defaultRetryDelay;
    return retry(request, { kind: "retry", eta: now() + when * 1000, when, changes: {}, cause: error }, host, false);
  }
  const exhausted = request.retryOnWorkerLost && !retriesLeft;
  if (request.acksLate && request.rejectOnWorkerLost && !exhausted) {
    host.logger.error(`Task ${request.name}[${request.id}] lost its thread and goes back`, {
      ...fields(request),
      error,
    });
    return "requeue";
  }
  await fail(request, error, host, { stored: null, settlement: onFailure(request) });
  return "leave";
}

/** The worker, or its connection, goes away: what it had acknowledged is marked, what it had not goes to somebody else. */
async function cancelled(request: Request, marks: boolean, host: FinishHost): Promise<Settlement> {
  host.events.task("task-cancelled", request, {});
  host.logger.warn(`Task ${request.name}[${request.id}] was cancelled`, fields(request));
  if (!marks) {
    if (host.redeliveries.concerns(request)) await host.redeliveries.giveBack(request);
    return "leave";
  }
  const reason = new CeleryError("cancelled by Celery");
  const exception = { exc_type: "Retry", exc_message: [reason.message], exc_module: "celery.exceptions" };
  if (request.storesErrors) await host.results.retry(request, exception, null);
  void signal("taskRetry", request, host, () => ({ reason }));
  return "leave";
}

/** Records that a task is not run, or not to its end. */
export async function revoked(
  request: Request,
  how: { readonly terminated: boolean; readonly signum: string | number | null; readonly expired: boolean },
  host: FinishHost,
): Promise<void> {
  const reason = how.terminated ? "terminated" : how.expired ? "expired" : "revoked";
  host.logger.info(`Discarding revoked task: ${request.name}[${request.id}]`, { ...fields(request), reason });
  host.events.task("task-revoked", request, how);
  if (request.storesErrors)
    await host.results.revoked(request, reason).catch((error: unknown) => {
      host.logger.error("REVOKED could not be stored", { ...fields(request), error });
    });
  void signal("taskRevoked", request, host, () => how);
}

const fields = (request: Request): { taskId: string; task: string } => ({ taskId: request.id, task: request.name });

type TaskSignalName = "taskSuccess" | "taskFailure" | "taskRetry" | "taskRevoked" | "taskInternalError";

/** Tells the handlers of a signal. Nothing waits for them. */
async function signal(
  name: TaskSignalName,
  request: Request,
  { signals, hostname }: FinishHost,
  own: () => object,
): Promise<void> {
  const one = signals[name];
  if (!one.connected) return;
  const payload = { taskId: request.id, task: request.name, request: requestInfo(request, hostname), ...own() };
  await one.send(request.name, payload as never);
}

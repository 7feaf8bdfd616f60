import type { TaskDefinition } from "../../client/task.js";
import type { TaskContext } from "../../client/task-context.js";
import { NotSupported, Retry } from "../../errors.js";
import { errorToException, exceptionRepr } from "../../protocol/exception.js";
import { nodeFromTuple } from "../../protocol/result.js";
import { type SignatureDocument, readSignature } from "../../protocol/signature.js";
import { Forwarder } from "../forward.js";
import { linksOf } from "../next-steps.js";
import { namedArguments } from "./arguments.js";
import { chordError, failBody } from "./chord-error.js";
import { type HeaderResults, readHeader } from "./header-results.js";
import { type BuiltinHost, exactMessage, thisRequest } from "./host.js";
import { items } from "./iterate.js";

/**
 * `celery.chord_unlock(group_id, callback, interval, max_retries, result)`: for stores that cannot count a chord's
 * header. Comes again every `interval` seconds until all results of the header are there, then sends the body with
 * them, or fails it.
 */
export const chordUnlock = (host: BuiltinHost): TaskDefinition => ({
  options: { maxRetries: null, defaultRetryDelay: host.config.resultChordRetryInterval, ignoreResult: true },
  takesMessage: true,
  onEventLoop: true,
  async run(context) {
    const [groupId, callback, interval, maxRetries, result] = namedArguments(exactMessage(host), {
      names: ["group_id", "callback", "interval", "max_retries", "result"],
      required: 2,
      rest: true,
    });
    const { capabilities, displayUrl } = host.backend;
    if (!capabilities.results || !capabilities.shared)
      throw new NotSupported(`the results of a chord cannot be read from ${displayUrl}`);
    const body = readSignature(callback);
    const header = items(result).map(nodeFromTuple);
    const results = await readHeader(host.backend, header).catch((error: unknown) => ({ error }));
    if ("values" in results) return join(results, body, String(groupId), host);
    const again = { countdown: numberOr(interval, host.config.resultChordRetryInterval) };
    const most = typeof maxRetries === "number" ? { maxRetries } : {};
    const cause = results.error === undefined ? {} : { cause: results.error };
    return comeAgain(context, { ...again, ...most, ...cause }, body, host);
  },
});

/** Comes again; where it may not, the body would never run: it fails. */
async function comeAgain(
  context: TaskContext,
  how: { countdown: number; maxRetries?: number; cause?: unknown },
  body: SignatureDocument,
  host: BuiltinHost,
): Promise<never> {
  try {
    throw context.retry(how);
  } catch (error) {
    if (error instanceof Retry) throw error;
    await failBody(body, chordError(`chord_unlock could not be retried: ${repr(error)}`, error), host);
    throw error;
  }
}

async function join({ values, failure }: HeaderResults, body: SignatureDocument, id: string, host: BuiltinHost) {
  if (failure) {
    host.logger.error(`Chord '${id}' raised: ${repr(failure)}`, { error: failure });
    // Python means to name the task that failed here, and never does.
    return failBody(body, chordError(repr(failure), failure), host);
  }
  try {
    Forwarder.assertSendable([body]);
    await host.forwarder.send(body, [values], { ...linksOf(thisRequest()), own: true });
  } catch (error) {
    host.logger.error(`Chord '${id}' raised: ${repr(error)}`, { error });
    await failBody(body, chordError(`Callback error: ${repr(error)}`, error), host);
  }
}

const repr = (error: unknown): string => exceptionRepr(errorToException(error));
const numberOr = (value: unknown, other: number): number =>
  typeof value === "number" || value instanceof Number ? Number(value) : other;

import { ChordError } from "../../errors.js";
import { pythonTraceback } from "../../protocol/exception.js";
import { type SignatureDocument, readSignature } from "../../protocol/signature.js";
import { newId } from "../../util/id.js";
import { linksOf } from "../next-steps.js";
import { type BuiltinHost, thisRequest } from "./host.js";

type FailHost = Pick<BuiltinHost, "forwarder" | "results" | "logger">;

export function chordError(message: string, cause: unknown): ChordError {
  const info = { type: "ChordError", module: "celery.exceptions", args: [message] };
  return new ChordError(message, info, { cause });
}

/**
 * Fails the body of a chord that will not run (celery/backends/base.py `chord_error_from_stack`): its errbacks are sent
 * and it is stored as FAILURE, each member with the header's own error when it is a group, as is what follows it.
 */
export async function failBody(body: SignatureDocument, error: ChordError, host: FailHost): Promise<void> {
  if (body.subtask_type === "group") await failGroup(body, error.cause ?? error, host);
  else {
    // The id of a chain is that of its last step, in whichever of the two places it stands.
    const steps = body.subtask_type === "chain" ? signatures(body.kwargs["tasks"]) : [];
    const id = idOf(body) ?? (steps.length > 0 ? idOf(steps.at(-1)!) : null) ?? newId();
    await failTask(body, id, signatures(body.options["link_error"]), error, host);
    for (const step of steps) if (idOf(step) !== id) await failStep(step, error, host);
  }
  for (const step of signatures(body.options["chain"])) await failStep(step, error, host);
}

async function failGroup(group: SignatureDocument, error: unknown, host: FailHost): Promise<void> {
  const shared = signatures(group.options["link_error"]);
  for (const member of signatures(group.kwargs["tasks"])) {
    const own = signatures(member.options["link_error"]);
    const texts = new Set(own.map((one) => JSON.stringify(one)));
    const errbacks = [...own, ...shared.filter((one) => !texts.has(JSON.stringify(one)))];
    await failTask(member, idOf(member) ?? newId(), errbacks, error, host);
  }
  const id = idOf(group);
  if (id !== null) await host.results.failed({ id, replyTo: null, correlationId: id }, error, null);
}

async function failTask(
  task: SignatureDocument,
  id: string,
  errbacks: readonly SignatureDocument[],
  error: unknown,
  { forwarder, results, logger }: FailHost,
): Promise<void> {
  if (errbacks.length > 0) {
    const links = { ...linksOf(thisRequest()), parentId: id, rootId: id };
    await forwarder.sendAsGroup(errbacks, [id], links).catch((unsent: unknown) => {
      logger.error("the errbacks of a chord's body could not be sent", { taskId: id, error: unsent });
    });
  }
  await results.failed({ id, replyTo: replyTo(task), correlationId: id }, error, pythonTraceback(error));
}

async function failStep(step: SignatureDocument, error: unknown, { results }: FailHost): Promise<void> {
  const id = idOf(step);
  if (id !== null) await results.failed({ id, replyTo: replyTo(step), correlationId: id }, error, null);
}

const signatures = (value: unknown): SignatureDocument[] =>
  value === null || value === undefined ? [] : [value].flat().map((one: unknown) => readSignature(one));

const textOption = (signature: SignatureDocument, name: string): string | null => {
  const value = signature.options[name];
  return typeof value === "string" && value !== "" ? value : null;
};
const idOf = (signature: SignatureDocument): string | null => textOption(signature, "task_id");
const replyTo = (signature: SignatureDocument): string | null => textOption(signature, "reply_to");

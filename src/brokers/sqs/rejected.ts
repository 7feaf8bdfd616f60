import { decodeEnvelope } from "../../protocol/envelope.js";
import type { Logger } from "../../util/logger.js";
import type { Taken } from "../virtual/store.js";
import type { Deletions } from "./deletions.js";
import type { Queues } from "./queues.js";
import type { SqsReceipt } from "./receipt.js";
import { hide } from "./visibility.js";

/**
 * A message that nobody is to have, as kombu 5.7 treats it: a task with a backoff policy comes again after the time
 * that its policy gives, a message of a queue with a redrive policy is left for SQS to count and move away, any other
 * is deleted. When it is not known whether there is a redrive policy, the message is left.
 */
export async function reject(
  taken: Taken<SqsReceipt>,
  queues: Queues,
  deletions: Deletions,
  logger: Logger,
): Promise<void> {
  const { address, count } = taken.receipt;
  const backoff = address.predefined?.backoff;
  try {
    if (backoff?.tasks.includes(taskOf(taken.text) ?? "")) {
      const seconds = backoff.policy[count];
      if (seconds !== undefined) await hide([taken], seconds);
      return;
    }
    const { redrive } = await queues.facts(address);
    if (redrive === false) deletions.add(taken.receipt);
  } catch (error) {
    logger.warn(`a rejected message stays in queue ${address.name} and will come again`, { error });
  }
}

function taskOf(text: string): string | undefined {
  try {
    const { task } = decodeEnvelope(text).message.headers;
    return typeof task === "string" ? task : undefined;
  } catch {
    return undefined;
  }
}

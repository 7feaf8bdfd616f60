import { OperationalError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { monotonic } from "../../util/time.js";
import { BATCH } from "./client.js";
import type { FailedEntry } from "./client.js";
import { isGone } from "./failure.js";
import type { QueueAddress } from "./queues.js";
import { byQueue, slices } from "./receipt.js";
import type { SqsReceipt } from "./receipt.js";
import { LONGEST_VISIBILITY } from "./settings.js";

/** A message is asked more time for when a third of it is over. */
const PART = 3;
/** Seconds before the end of the twelve hours in which nothing is asked for any more. */
const MARGIN = 5;

interface Held {
  readonly receipt: SqsReceipt;
}

/** When a message that is held from now on has to be renewed. */
export const nextRenewal = (visibility: number, from: number): number =>
  visibility > 0 ? from + (visibility * 1000) / PART : Infinity;

/** Hides messages for so many seconds from now; 0 shows them again. What is not in our hands any more is left alone. */
export async function hide(held: readonly Held[], seconds: number, signal?: AbortSignal): Promise<void> {
  for (const [{ url, name, client }, all] of byQueue(held))
    for (const some of slices(all, BATCH)) {
      const failed = await client.hide(
        url,
        name,
        some.map(({ receipt }) => ({ handle: receipt.handle, seconds })),
        signal,
      );
      const bad = failed.find(({ code }) => !isGone(code));
      if (bad)
        throw new OperationalError(
          `messages of queue ${name} at ${client.displayUrl} could not be given back: ${bad.code} ${bad.message}`,
          { retriable: !bad.ourFault },
        );
    }
}

/**
 * Keeps hidden what is held: each message whose time is a third over gets all of it again, up to the twelve hours that
 * SQS allows from its receipt.
 */
export async function renew(held: readonly Held[], logger: Logger, signal: AbortSignal): Promise<void> {
  const now = monotonic();
  const due: Held[] = [];
  for (const one of held)
    if (one.receipt.renewAt <= now) {
      if (timeLeft(one.receipt, now) >= 1) due.push(one);
      else end(one.receipt, logger, "12 hours, the longest that SQS hides a message, are over");
    }
  for (const [address, all] of byQueue(due))
    for (const some of slices(all, BATCH)) {
      // Much may have been released while the ones before were renewed.
      const still = some.filter(({ receipt }) => !receipt.released);
      if (still.length > 0) await renewSome(address, still, now, logger, signal);
    }
}

async function renewSome(
  { url, name, client }: QueueAddress,
  some: readonly Held[],
  now: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const entries = some.map(({ receipt }) => ({ handle: receipt.handle, seconds: timeLeft(receipt, now) }));
  // Two thirds of the time are left to try again, should it fail.
  for (const { receipt } of some) receipt.renewAt = now + (receipt.visibility * 1000) / PART / PART;
  let failed: readonly FailedEntry[];
  try {
    failed = await client.hide(url, name, entries, signal);
  } catch (error) {
    logger.warn(`more time for ${some.length} messages of queue ${name} could not be had`, { error });
    return;
  }
  const bad = new Set(failed.map(({ index }) => index));
  for (const [index, { receipt }] of some.entries())
    if (!bad.has(index)) receipt.renewAt = nextRenewal(receipt.visibility, now);
  for (const { index, code, message } of failed) {
    const receipt = some[index]?.receipt;
    if (receipt?.released) continue;
    if (receipt && isGone(code)) end(receipt, logger, `SQS says ${code}`);
    else logger.warn(`more time for a message of queue ${name} could not be had: ${code} ${message}`);
  }
}

const timeLeft = ({ visibility, receivedAt }: SqsReceipt, now: number): number =>
  Math.min(visibility, Math.floor(LONGEST_VISIBILITY - MARGIN - (now - receivedAt) / 1000));

/** Told once: there is no more time for this message. */
function end(receipt: SqsReceipt, logger: Logger, why: string): void {
  receipt.renewAt = Infinity;
  logger.warn(
    `a message of queue ${receipt.address.name} is in hand but no longer hidden, so another consumer can get it too: ${why}`,
  );
}

import { markRedelivered } from "../../protocol/envelope.js";
import type { GiveBackTo, Taken } from "../virtual/store.js";
import { PERSISTENT, PERSISTENT_SEQUENTIAL } from "./client.js";
import { NODE_EXISTS, answerOf } from "./failure.js";
import { ensureNode } from "./link.js";
import { maxData, prefixOf } from "./recipe.js";
import type { Session } from "./session.js";

/** Where a message was. */
export interface Receipt {
  /** Its name in the queue. */
  readonly name: string;
  /** The queue node that it was in, in case another one has its path now. */
  readonly incarnation: string;
  /** It is in the queue again; nobody may put it there a second time. */
  isBack: boolean;
}

/**
 * Puts messages of one queue back, oldest first. Behind the others of its priority a message gets a new name, as kombu
 * does it. At the front it gets the name that it had, which is its place in the order; and whoever cannot know whether
 * it is back already (the connection was lost) may do it again, since the server has each name only once.
 */
export async function giveBack(
  session: Session,
  path: string,
  taken: readonly Taken<Receipt>[],
  to: GiveBackTo,
  maxBuffer: number,
): Promise<void> {
  const stat = await session.exists(path);
  if (!stat) await ensureNode(session, path);
  const incarnation = stat?.czxid.toString("hex");
  const outcomes = await Promise.allSettled(
    taken.map(async ({ text, receipt }) => {
      if (receipt.isBack) return;
      // In another node of the same path the name may be another message's.
      const sameName = to === "front" && receipt.incarnation === incarnation;
      const name = `${path}/${sameName ? receipt.name : prefixOf(receipt.name)}`;
      try {
        await session.create(name, dataOf(text, name, maxBuffer), sameName ? PERSISTENT : PERSISTENT_SEQUENTIAL);
      } catch (error) {
        if (!sameName || answerOf(error) !== NODE_EXISTS) throw error;
      }
      receipt.isBack = true;
    }),
  );
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** Marked as redelivered, unless it is not kombu's or the mark would make it too large: then as it came. */
function dataOf(text: string, name: string, maxBuffer: number): Buffer {
  try {
    const marked = Buffer.from(markRedelivered(text, "top-level"));
    if (marked.length <= maxData(name, maxBuffer)) return marked;
  } catch {
    // Whoever takes it next finds out, and says so.
  }
  return Buffer.from(text);
}

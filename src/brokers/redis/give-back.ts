import type { Link } from "../../util/redis/link.js";
import type { GiveBackTo } from "../virtual/store.js";
import type { Keys } from "./keys.js";
import { GIVE_BACK } from "./scripts.js";

/** Limits of one script call. */
const MAX_MESSAGES = 100;
const MAX_CHARACTERS = 4 << 20;

/** One message on its way back into a list. */
export interface Return {
  readonly list: string;
  /** Its record, or empty when there is none. */
  readonly name: string;
  /** Score of the record, as number or as Redis wrote it. */
  readonly score: number | string;
  /** The envelope, marked as redelivered. */
  readonly text: string;
}

/** Puts messages back, oldest first: to the front so that the oldest is taken next, or behind everything. */
export async function giveBack(link: Link, keys: Keys, returns: readonly Return[], to: GiveBackTo): Promise<void> {
  // The last one pushed to the right is the first one taken.
  const inOrder = to === "front" ? returns.toReversed() : returns;
  for (let start = 0; start < inOrder.length;) {
    const lists: string[] = [];
    const args: (string | number)[] = [to === "front" ? "RPUSH" : "LPUSH"];
    let characters = 0;
    let end = start;
    for (; end < inOrder.length && end - start < MAX_MESSAGES && characters < MAX_CHARACTERS; end++) {
      const { list, name, score, text } = inOrder[end] as Return;
      if (!lists.includes(list)) lists.push(list);
      args.push(lists.indexOf(list) + 1, name, score, text);
      characters += text.length;
    }
    await link.run(GIVE_BACK, [keys.unacked, keys.unackedIndex, ...lists], args);
    start = end;
  }
}

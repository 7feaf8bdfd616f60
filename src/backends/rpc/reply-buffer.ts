import type { CeleryError } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";

/** What arrived for one task: its newest state, or why it could not be read. */
export type Reply = ResultRecord | CeleryError;

interface Held {
  readonly reply: Reply;
  readonly bytes: number;
}

/** Limits of what is kept for readers that may never come. */
export interface BufferLimits {
  /** Replies that nobody has read yet. */
  readonly unread: number;
  /** Bytes of their documents, together. */
  readonly unreadBytes: number;
  /** Replies kept after they were read, so that the state can be asked for again. */
  readonly read: number;
}

/** The newest reply per task; of too many, the oldest go first: those already read before those that were not. */
export class ReplyBuffer {
  readonly #limits: BufferLimits;
  readonly #onLoss: (taskId: string) => void;
  readonly #unread = new Map<string, Held>();
  readonly #read = new Map<string, Reply>();
  #bytes = 0;

  /** `onLoss` hears of each reply that is dropped unread. */
  constructor(limits: BufferLimits, onLoss: (taskId: string) => void) {
    this.#limits = limits;
    this.#onLoss = onLoss;
  }

  get(taskId: string): Reply | undefined {
    return this.#unread.get(taskId)?.reply ?? this.#read.get(taskId);
  }

  put(taskId: string, reply: Reply, bytes: number): void {
    this.forget(taskId);
    this.#unread.set(taskId, { reply, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#unread) {
      if (this.#unread.size <= this.#limits.unread && this.#bytes <= this.#limits.unreadBytes) break;
      this.forget(oldest);
      this.#onLoss(oldest);
    }
  }

  /** The reply was handed to somebody. */
  markRead(taskId: string): void {
    const held = this.#unread.get(taskId);
    if (!held) return;
    this.forget(taskId);
    this.#read.set(taskId, held.reply);
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= this.#limits.read) break;
      this.#read.delete(oldest);
    }
  }

  forget(taskId: string): void {
    const held = this.#unread.get(taskId);
    if (held) this.#bytes -= held.bytes;
    this.#unread.delete(taskId);
    this.#read.delete(taskId);
  }
}

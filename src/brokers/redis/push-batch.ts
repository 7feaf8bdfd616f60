import { deferred } from "../../util/deferred.js";
import type { Deferred } from "../../util/deferred.js";

/** Limits of one LPUSH: beyond them a command only blocks the server and its socket for longer. */
const MAX_TEXTS = 128;
const MAX_CHARACTERS = 1 << 20;

interface Group {
  readonly texts: string[];
  characters: number;
  readonly done: Deferred<void>;
}

/**
 * Gathers what is published within one turn of the event loop into one LPUSH per list. LPUSH takes its values one
 * after the other, so their order stays, and a thousand publishes at once cost a few commands.
 */
export class PushBatch {
  readonly #push: (key: string, texts: readonly string[]) => Promise<unknown>;
  readonly #open = new Map<string, Group>();
  readonly #ready: [string, Group][] = [];
  readonly #sent = new Set<Promise<unknown>>();
  #scheduled = false;

  constructor(push: (key: string, texts: readonly string[]) => Promise<unknown>) {
    this.#push = push;
  }

  /** Resolves when the text is in the list. */
  add(key: string, text: string): Promise<void> {
    let group = this.#open.get(key);
    if (group && (group.texts.length >= MAX_TEXTS || group.characters + text.length > MAX_CHARACTERS))
      group = undefined;
    if (!group) {
      group = { texts: [], characters: 0, done: deferred() };
      this.#open.set(key, group);
      this.#ready.push([key, group]);
    }
    group.texts.push(text);
    group.characters += text.length;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
    return group.done.promise;
  }

  /** Sends everything now; the promises given out tell how it went. */
  flush(): void {
    this.#scheduled = false;
    this.#open.clear();
    for (const [key, { texts, done }] of this.#ready.splice(0)) {
      const sent = this.#push(key, texts)
        .then(
          () => done.resolve(),
          (error: unknown) => done.reject(error),
        )
        .finally(() => this.#sent.delete(sent));
      this.#sent.add(sent);
    }
  }

  /** Everything is sent and answered, well or not. */
  async drained(): Promise<void> {
    this.flush();
    await Promise.all(this.#sent);
  }
}

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Place } from "../../drivers/index.js";
import { ensureVenv } from "../../python/venvs.mjs";
import type { CeleryVersion } from "../../python/venvs.mjs";
import { startChild } from "../../servers/children.js";
import type { Child } from "../../servers/children.js";

/** A queue and its binding under kombu's names. */
export interface KombuQueue {
  readonly queue: string;
  readonly exchange?: string;
  readonly type?: "direct" | "topic" | "fanout";
  readonly routing_key?: string;
  readonly auto_delete?: boolean;
}

export interface KombuMessage {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly info: Readonly<Record<string, unknown>>;
}

/** A Python process with kombu's own consumer and producer, at the same place as ours. */
export class KombuPeer {
  readonly #child: Child;
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(child: Child) {
    this.#child = child;
    const { stdout } = child.process;
    if (stdout) createInterface({ input: stdout }).on("line", (line) => this.#waiting.shift()?.(line));
  }

  static async start(place: Place, version: CeleryVersion, options: object = {}): Promise<KombuPeer> {
    if (!place.python) throw new Error("no Python process can reach this place");
    const { url, transportOptions } = place.python;
    const config = JSON.stringify({ url, options: { ...transportOptions, ...options } });
    const program = fileURLToPath(new URL("peer.py", import.meta.url));
    const child = startChild(await ensureVenv(version), [program, config], { stdio: "pipe" });
    const peer = new KombuPeer(child);
    peer.#waiting.push(() => undefined);
    await child.until(/"ready"/, 30, "kombu to be ready");
    return peer;
  }

  async ask<T = unknown>(op: string, arguments_: object = {}): Promise<T> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push(resolve);
      void this.#child.ended.then(() => reject(new Error(`kombu ended:\n${this.#child.output}`)));
      this.#child.process.stdin?.write(`${JSON.stringify({ op, arguments: arguments_ })}\n`);
    });
    const answer = JSON.parse(line) as { ok: T; error?: string };
    if (answer.error) throw new Error(`kombu raised ${answer.error}\n${this.#child.output}`);
    return answer.ok;
  }

  put(message: object): Promise<void> {
    return this.ask("put", message);
  }

  listen(queues: readonly KombuQueue[], options: { prefetch?: number; ack?: boolean } = {}): Promise<void> {
    return this.ask("listen", { queues, ...options });
  }

  collect(count: number, timeout = 10): Promise<KombuMessage[]> {
    return this.ask("collect", { count, timeout });
  }

  /** Ends without a goodbye. */
  kill(): Promise<void> {
    return this.#child.kill();
  }
}

import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Logger } from "../../util/logger.js";
import { redelivered } from "../virtual/redelivered.js";
import type { GiveBackTo, MessageSource, SourceEvents, Taken } from "../virtual/store.js";
import { Claims } from "./claims.js";
import type { Claim } from "./claims.js";
import { fileFailure } from "./files.js";
import { messageName, queueOf } from "./names.js";
import { checkFolders } from "./settings.js";
import type { FilesystemSettings } from "./settings.js";

/** The reading side of one consumer: lists the folder, takes the oldest files, and is told of changes by the system. */
export class FilesystemSource implements MessageSource<Claim> {
  readonly pollInterval: number;
  readonly #settings: FilesystemSettings;
  readonly #events: SourceEvents;
  readonly #logger: Logger;
  readonly #keep: boolean;
  readonly #claims: Claims;
  readonly #settling = new Set<Promise<void>>();
  /** What the last listing found and was not taken yet: a folder of many files is not listed for every message. */
  #listed = new Map<string, string[]>();
  #watcher: FSWatcher | undefined;

  constructor(settings: FilesystemSettings, logger: Logger, events: SourceEvents, noAck: boolean) {
    this.pollInterval = settings.pollingInterval * 1000;
    this.#settings = settings;
    this.#logger = logger;
    this.#events = events;
    this.#keep = !noAck;
    this.#claims = new Claims(settings, logger);
  }

  async open(): Promise<void> {
    await checkFolders(this.#settings);
    this.#watch();
    if (this.#keep) this.#claims.start();
  }

  async attach(): Promise<boolean> {
    return true;
  }

  async detach(): Promise<void> {}

  async take(queues: readonly string[], limit: number): Promise<readonly Taken<Claim>[]> {
    const taken: Taken<Claim>[] = [];
    try {
      if (!queues.some((queue) => this.#listed.get(queue)?.length)) await this.#list(queues);
      // One message of each queue in turn, so that no queue starves another.
      for (let progress = true; progress && taken.length < limit;) {
        progress = false;
        for (const queue of queues) {
          const name = taken.length < limit ? this.#listed.get(queue)?.shift() : undefined;
          if (name === undefined) continue;
          progress = true;
          const found = await this.#claims.take(name, this.#keep);
          if (found) taken.push({ queue, text: found.text, receipt: found.claim });
        }
      }
    } catch (error) {
      // What was claimed before the failure stays claimed, and comes back with the visibility timeout.
      if (taken.length === 0) throw fileFailure(`taking from folder ${this.#settings.folderIn}`, error);
    }
    return taken;
  }

  async arm(queues: readonly string[]): Promise<boolean> {
    try {
      return await this.#list(queues);
    } catch (error) {
      throw fileFailure(`reading folder ${this.#settings.folderIn}`, error);
    }
  }

  settle({ receipt }: Taken<Claim>): void {
    const settling = this.#claims
      .done(receipt)
      .catch((error: unknown) =>
        this.#logger.warn(`an acknowledged message may come again: ${receipt.path} could not be removed`, { error }),
      )
      .finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
  }

  async giveBack(taken: readonly Taken<Claim>[], to: GiveBackTo): Promise<void> {
    for (const { text, queue, receipt } of taken)
      try {
        // Its old name is its old place in the order.
        const name = to === "front" ? receipt.name : messageName(queue);
        await this.#claims.putBack(receipt, redelivered(text, "top-level"), name);
      } catch (error) {
        throw fileFailure(`giving back to folder ${this.#settings.folderIn}`, error);
      }
  }

  drop(): void {}

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#watcher = undefined;
    await this.#claims.stop();
    await Promise.all(this.#settling);
  }

  /** Whether there is anything for these queues. */
  async #list(queues: readonly string[]): Promise<boolean> {
    const listed = new Map<string, string[]>(queues.map((queue) => [queue, []]));
    let found = false;
    for (const name of await readdir(this.#settings.folderIn)) {
      const names = listed.get(queueOf(name) ?? "");
      if (!names) continue;
      names.push(name);
      found = true;
    }
    // The order of Python's sorted(): by code point, as the names are ASCII up to the queue's.
    for (const names of listed.values()) names.sort();
    this.#listed = listed;
    return found;
  }

  /** The system tells of changes where it can; the poll finds what it does not (network folders, full queues). */
  #watch(): void {
    if (this.#watcher) return;
    try {
      this.#watcher = watch(this.#settings.folderIn, () => this.#events.wake());
      this.#watcher.on("error", () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch (error) {
      this.#logger.info(`folder ${this.#settings.folderIn} cannot be watched and is looked at now and then`, { error });
    }
  }
}

import { open, readFile, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { LamportClock } from "../client/clock.js";
import { ImproperlyConfigured } from "../errors.js";
import type { Logger } from "../util/logger.js";
import { type Timer, after, now } from "../util/time.js";
import { FileOwner } from "./file-owner.js";
import type { RevokedTasks } from "./revoked.js";

/** A change is in the file at the latest so many milliseconds later. */
const WRITE_AFTER = 250;
const FORMAT = "celeriac worker state 1";

/** What is in the file: JSON. Moments are milliseconds since 1970, the oldest revocation comes first. */
interface Saved {
  readonly format: typeof FORMAT;
  readonly clock: number;
  readonly revoked: readonly (readonly [id: string, at: number])[];
}

/** What the file keeps over a restart. */
export interface KeptState {
  readonly revoked: RevokedTasks;
  readonly clock: LamportClock;
}

/**
 * The file that keeps the revoked tasks over a restart (`workerStateDb`; celery/worker/state.py `Persistent`, whose
 * format is Python's own and not read here). It is written soon after each change and always whole: the death of the
 * process leaves the former contents or the new ones.
 */
export class StateFile {
  readonly path: string;
  readonly #state: KeptState;
  readonly #logger: Logger;
  readonly #owner: FileOwner;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, state: KeptState, logger: Logger, owner: FileOwner) {
    this.path = path;
    this.#state = state;
    this.#logger = logger;
    this.#owner = owner;
  }

  /**
   * Adds what the file holds to the state, and keeps it there from now on. Throws `ImproperlyConfigured` for a file
   * that is no such file, that cannot be written, or that belongs to another worker.
   */
  static async open(name: string, state: KeptState, logger: Logger): Promise<StateFile> {
    const path = resolve(name);
    const owner = await FileOwner.take(path);
    try {
      const saved = await read(path);
      if (saved) {
        const time = now();
        state.revoked.merge(saved.revoked.map(([id, at]) => [id, time - at] as const));
        state.clock.adjust(saved.clock);
      }
      const file = new StateFile(path, state, logger, owner);
      // Where it cannot be written, this is the moment to say so.
      await file.#write();
      state.revoked.onChange = () => file.#changed();
      return file;
    } catch (error) {
      await owner.release();
      throw error;
    }
  }

  /** Writes it for the last time. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#state.revoked.onChange = undefined;
    this.#timer?.cancel();
    this.#save();
    await this.#writing;
    await this.#owner.release();
  }

  #changed(): void {
    this.#timer ??= after(WRITE_AFTER, () => {
      this.#timer = undefined;
      this.#save();
    });
  }

  #save(): void {
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#write();
      } catch (error) {
        this.#logger.error("the state file could not be written", { file: this.path, error });
      }
    });
  }

  async #write(): Promise<void> {
    const { revoked, clock } = this.#state;
    revoked.purge();
    const time = now();
    const saved: Saved = {
      format: FORMAT,
      clock: clock.forward(),
      revoked: [...revoked.ages()].map(([id, age]) => [id, Math.round(time - age)] as const),
    };
    const partial = `${this.path}.new`;
    try {
      const file = await open(partial, "w", 0o600);
      try {
        await file.writeFile(`${JSON.stringify(saved)}\n`);
        // Without it the machine's crash may leave the new name and no contents.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, this.path);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw new ImproperlyConfigured(
        `the state file ${this.path} cannot be written: ${(error as Error).message}; workerStateDb needs a file in a folder that exists and can be written to`,
        { cause: error },
      );
    }
  }
}

async function read(path: string): Promise<Saved | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ImproperlyConfigured(`the state file ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // Somebody made room for it.
  if (text === "") return null;
  const saved = parsed(text);
  if (saved) return saved;
  // Not overwritten: it may be something else, and starting without it would run what was revoked.
  throw new ImproperlyConfigured(
    `${path} is not a state file of celeriac (those of Python's workers have another format) or it is damaged; name another file in workerStateDb, or remove this one`,
  );
}

function parsed(text: string): Saved | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { format, clock, revoked } = value as Partial<Record<keyof Saved, unknown>>;
  const isEntry = (one: unknown): one is [string, number] =>
    Array.isArray(one) && typeof one[0] === "string" && typeof one[1] === "number";
  if (format !== FORMAT || typeof clock !== "number" || !Array.isArray(revoked) || !revoked.every(isEntry)) return null;
  return { format, clock, revoked };
}

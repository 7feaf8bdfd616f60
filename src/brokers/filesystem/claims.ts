import { readdir, rename, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { markRedelivered } from "../../protocol/envelope.js";
import { newId } from "../../util/id.js";
import type { Logger } from "../../util/logger.js";
import { every, now, sleep } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import { isMissing, readIfThere, removeIfThere, writeWhole } from "./files.js";
import { claimedName, claimName } from "./names.js";
import type { FilesystemSettings } from "./settings.js";

/** How long, and how often, a message is looked at again that Python has created and not filled yet. */
const FILLING_ATTEMPTS = 25;
const FILLING_MS = 20;

/** A message that this process holds: the file it came from, and the file that says it is held. */
export interface Claim {
  readonly name: string;
  /** Undefined when nothing is kept of it (no acknowledgements). */
  readonly path: string | undefined;
}

/**
 * Taking a message is renaming its file, which only one process can do. Kombu deletes it then; we keep it under a name
 * that kombu does not see until it is acknowledged, so that a message outlives the process that holds it: the holder
 * touches its claims now and then, and claims that nobody touched for the visibility timeout are given back.
 */
export class Claims {
  readonly #settings: FilesystemSettings;
  readonly #logger: Logger;
  readonly #held = new Set<string>();
  readonly #claimant = newId();
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;

  constructor(settings: FilesystemSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
  }

  start(): void {
    this.#timer ??= every((this.#settings.visibilityTimeout * 1000) / 3, () => this.#begin());
    this.#begin();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#working;
  }

  /** The text, or undefined when another process was faster. */
  async take(name: string, keep: boolean): Promise<{ claim: Claim; text: string } | undefined> {
    const { folderIn } = this.#settings;
    const from = join(folderIn, name);
    const path = join(folderIn, claimName(name, this.#claimant));
    try {
      // Touched before it is renamed: no one must see a claim that looks abandoned already.
      await this.#touch(from);
      await rename(from, path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    this.#held.add(path);
    const text = await filled(path);
    if (keep) return { claim: { name, path }, text };
    await this.done({ name, path });
    return { claim: { name, path: undefined }, text };
  }

  async done({ name, path }: Claim): Promise<void> {
    if (path === undefined) return;
    const { processedFolder } = this.#settings;
    if (processedFolder === undefined) await removeIfThere(path);
    else await rename(path, join(processedFolder, name));
    this.#held.delete(path);
  }

  /** Puts a message back under the given name. */
  async putBack({ path }: Claim, text: string, name: string): Promise<void> {
    await writeWhole(this.#settings.folderIn, name, text);
    if (path === undefined) return;
    await removeIfThere(path);
    this.#held.delete(path);
  }

  #begin(): void {
    this.#working ??= this.#maintain()
      .catch((error: unknown) =>
        this.#logger.warn(`looking after messages in ${this.#settings.folderIn} failed`, { error }),
      )
      .finally(() => (this.#working = undefined));
  }

  async #maintain(): Promise<void> {
    const { folderIn, visibilityTimeout } = this.#settings;
    for (const path of this.#held) await this.#touch(path).catch(() => undefined);
    for (const entry of await readdir(folderIn)) {
      const name = claimedName(entry);
      const path = join(folderIn, entry);
      if (name === undefined || this.#held.has(path)) continue;
      const touched = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => Infinity,
      );
      if (now() - touched > visibilityTimeout * 1000) await this.#rescue(path, name);
    }
  }

  async #rescue(path: string, name: string): Promise<void> {
    const text = await readIfThere(path);
    if (text === undefined) return;
    let marked: string;
    try {
      marked = markRedelivered(text, "top-level");
    } catch (error) {
      this.#logger.error(`dropped ${path}: it is not a message`, { error });
      await unlink(path).catch(() => undefined);
      return;
    }
    await this.putBack({ name, path }, marked, name);
  }

  #touch(path: string): Promise<void> {
    const time = now() / 1000;
    return utimes(path, time, time);
  }
}

/**
 * The text of a message, waiting a moment for a Python writer who has made the file and not filled it yet: it goes on
 * writing into the file that we renamed.
 */
async function filled(path: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const text = (await readIfThere(path)) ?? "";
    if (attempt >= FILLING_ATTEMPTS || isWhole(text)) return text;
    await sleep(FILLING_MS);
  }
}

function isWhole(text: string): boolean {
  if (!text.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Python's JSON may hold NaN, which is whole and no JSON: then the time out decides.
    return /\b(NaN|Infinity)\b/.test(text);
  }
}

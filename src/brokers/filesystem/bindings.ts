import { link, mkdir, open, stat, unlink, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { dumps } from "../../protocol/json.js";
import { KeyedLock } from "../../util/keyed-lock.js";
import { now, sleep } from "../../util/time.js";
import type { Route } from "../virtual/store.js";
import { isMissing, isTaken, readIfThere, removeIfThere, writeWhole } from "./files.js";
import { checkName, temporaryName } from "./names.js";

/** Milliseconds after which a lock file was left behind by a process that died. */
const STALE_LOCK_MS = 5000;
/** Milliseconds in which a Python process that was writing at the same moment has finished. */
const SETTLE_MS = 30;
/** Attempts to read a table that Python writes in place, or to get ours into it. */
const ATTEMPTS = 20;

/**
 * The bindings of exchanges as kombu keeps them: `<control folder>/<exchange>.exchange`, a JSON list of
 * `[routing key, pattern, queue]`, newest first.
 *
 * Kombu guards these files with flock, which Node does not have. So we never write into an existing file: a changed
 * table is written aside and renamed over it, so a Python reader sees the old or the new one, never half of it; our own
 * processes take turns by a lock file. What remains is a Python process that adds its binding between our reading and
 * our renaming: it writes into the file we replaced. Therefore the old file is kept open and looked at once more when
 * that writer must be done, and what it added is added again. A table that lost our entry is mended the same way.
 */
export class Bindings {
  readonly #folder: string;
  readonly #locks = new KeyedLock();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async routes(exchange: string): Promise<readonly Route[]> {
    return this.#read(() => readIfThere(this.#path(exchange)));
  }

  async add(exchange: string, route: Route): Promise<void> {
    await this.#change(exchange, [route], []);
  }

  async remove(exchange: string, route: Route): Promise<void> {
    await this.#change(exchange, [], [route]);
  }

  #path(exchange: string): string {
    return join(this.#folder, `${checkName("exchange", exchange)}.exchange`);
  }

  #change(exchange: string, added: readonly Route[], removed: readonly Route[]): Promise<void> {
    const path = this.#path(exchange);
    return this.#locks.run(exchange, async () => {
      let adding = added;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const left = await this.#replace(path, adding, removed);
        if (!left) return;
        adding = [...added, ...left];
      }
    });
  }

  /** One change; undefined when the table is as wanted, else what has to be added once more. */
  async #replace(
    path: string,
    added: readonly Route[],
    removed: readonly Route[],
  ): Promise<readonly Route[] | undefined> {
    const current = await this.#read(() => readIfThere(path));
    if (added.every((one) => has(current, one)) && !removed.some((one) => has(current, one))) return undefined;
    await mkdir(this.#folder, { recursive: true });
    const release = await lock(`${path}.lock`);
    let old: FileHandle | undefined;
    try {
      old = await openIfThere(path);
      const before = old ? await this.#read(() => readFromStart(old)) : [];
      const wanted = [...added.filter((one) => !has(before, one)), ...before.filter((one) => !has(removed, one))];
      if (!(await this.#write(path, wanted, old !== undefined))) return [];
      await sleep(SETTLE_MS);
      const after = old ? await this.#read(() => readFromStart(old)) : [];
      return after.filter((one) => !has(before, one));
    } finally {
      await old?.close();
      await release();
    }
  }

  /** False when somebody else made the file meanwhile. */
  async #write(path: string, routes: readonly Route[], replace: boolean): Promise<boolean> {
    const text = dumps(routes.map(({ routingKey, pattern, queue }) => [routingKey, pattern, queue]));
    if (replace) {
      await writeWhole(this.#folder, path.slice(this.#folder.length + 1), text);
      return true;
    }
    const temporary = join(this.#folder, temporaryName());
    try {
      await writeFile(temporary, text);
      await link(temporary, path);
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    } finally {
      await removeIfThere(temporary);
    }
  }

  /** Python writes in place: what is no JSON is being written, and is read again. */
  async #read(text: () => Promise<string | undefined>): Promise<readonly Route[]> {
    for (let attempt = 1; ; attempt++) {
      const read = await text();
      if (read === undefined) return [];
      try {
        return parse(read);
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
        await sleep(5);
      }
    }
  }
}

function parse(text: string): Route[] {
  const table: unknown = JSON.parse(text);
  if (!Array.isArray(table)) throw new SyntaxError("a table of bindings has to be a list");
  return (table as string[][]).map(([routingKey, pattern, queue]) => ({
    routingKey: routingKey ?? "",
    pattern: pattern ?? "",
    queue: queue ?? "",
  }));
}

const has = (routes: readonly Route[], { routingKey, pattern, queue }: Route): boolean =>
  routes.some((one) => one.queue === queue && one.routingKey === routingKey && one.pattern === pattern);

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function readFromStart(file: FileHandle | undefined): Promise<string | undefined> {
  if (!file) return undefined;
  const { size } = await file.stat();
  const buffer = Buffer.alloc(size);
  const { bytesRead } = await file.read(buffer, 0, size, 0);
  return buffer.toString("utf8", 0, bytesRead);
}

/** A lock file: made by one process at a time, removed by the returned function. */
async function lock(path: string): Promise<() => Promise<unknown>> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx" });
      return () => removeIfThere(path);
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
    const age = await stat(path).then(
      ({ mtimeMs }) => now() - mtimeMs,
      () => 0,
    );
    if (age > STALE_LOCK_MS) await unlink(path).catch(() => undefined);
    else await sleep(5);
  }
}

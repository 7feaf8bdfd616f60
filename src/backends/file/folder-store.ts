import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ImproperlyConfigured, OperationalError } from "../../errors.js";
import { now } from "../../util/time.js";
import type { KeyValue } from "../key-value/key-value.js";
import { folderHints } from "./folder-hints.js";

/** Begins the names of files being written; neither Celery's prefixes nor a key. */
const TEMPORARY = ".celeriac-";
/** Bytes of a file name on every usual file system. */
const LONGEST_NAME = 255;
/** Files read at a time. */
const PARALLEL = 16;
/** From this many keys on, listing the folder is cheaper than asking for files that mostly are not there yet. */
const LISTING_PAYS = 50;

/** One file per key. Written under another name and renamed, so that readers (Python too) see whole documents. */
export function folderStore(folder: string): KeyValue {
  let probing: Promise<void> | undefined;
  const ready = (): Promise<void> =>
    (probing ??= probe(folder).catch((error: unknown) => {
      probing = undefined;
      throw error;
    }));

  const read = async (key: string): Promise<Uint8Array | null> => {
    try {
      return await readFile(join(folder, fileName(key)));
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return null;
      throw failure("reading", folder, cause);
    }
  };

  return {
    async get(key) {
      await ready();
      return read(key);
    },

    // One listing serves them all.
    batch: 10_000,

    async getMany(keys) {
      await ready();
      const present = keys.length >= LISTING_PAYS ? new Set(await list(folder)) : undefined;
      const values: (Uint8Array | null)[] = new Array<null>(keys.length).fill(null);
      let next = 0;
      const reader = async (): Promise<void> => {
        while (next < keys.length) {
          const index = next++;
          const key = keys[index] as string;
          if (!present || present.has(key)) values[index] = await read(key);
        }
      };
      await Promise.all(Array.from({ length: Math.min(PARALLEL, keys.length) }, reader));
      return values;
    },

    async set(key, value) {
      await ready();
      const target = join(folder, fileName(key));
      const temporary = join(folder, `${TEMPORARY}${randomUUID()}`);
      try {
        await writeFile(temporary, value);
        await rename(temporary, target);
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw failure("writing", folder, cause);
      }
    },

    async remove(key) {
      await ready();
      try {
        await rm(join(folder, fileName(key)), { force: true });
      } catch (cause) {
        throw failure("removing", folder, cause);
      }
    },

    hints: (onHint) => folderHints(folder, onHint),

    async cleanup(prefixes, maxAge) {
      await ready();
      const oldest = now() - maxAge * 1000;
      for (const name of await list(folder)) {
        if (![...prefixes, TEMPORARY].some((prefix) => name.startsWith(prefix))) continue;
        const path = join(folder, name);
        try {
          if ((await stat(path)).mtimeMs < oldest) await unlink(path);
        } catch (cause) {
          // Another process may be cleaning up too.
          if (codeOf(cause) !== "ENOENT") throw failure("removing old results from", folder, cause);
        }
      }
    },

    close: async () => undefined,
  };
}

/** Celery uses the key itself as file name: what cannot be one, or would be a path out of the folder, is refused. */
function fileName(key: string): string {
  const bad = /[/\0]/.test(key) || (process.platform === "win32" && /[\\:*?"<>|]/.test(key));
  if (bad || Buffer.byteLength(key) > LONGEST_NAME)
    throw new OperationalError(
      `${JSON.stringify(key.slice(0, 80))} cannot be a file name (no "/", at most ${LONGEST_NAME} bytes): ` +
        "the file backend needs plain task ids such as UUIDs",
      { retriable: false },
    );
  return key;
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw failure("listing", folder, cause);
  }
}

/** Writes, reads and removes a file, as Celery does at start: a wrong folder shows before the first result is lost. */
async function probe(folder: string): Promise<void> {
  const path = join(folder, `.fs-backend-${randomUUID()}`);
  try {
    await writeFile(path, "");
    await readFile(path);
    await unlink(path);
  } catch (cause) {
    throw new ImproperlyConfigured(
      `the folder ${folder} for results cannot be used (${codeOf(cause) ?? "error"}): it must exist, be readable and writable`,
      { cause },
    );
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

function failure(attempt: string, folder: string, cause: unknown): OperationalError {
  if (cause instanceof OperationalError) return cause;
  return new OperationalError(`${attempt} results in ${folder} failed: ${(cause as Error).message}`, { cause });
}

import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CeleryError, OperationalError } from "../../errors.js";
import { temporaryName } from "./names.js";

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

export const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT";
export const isTaken = (error: unknown): boolean => codeOf(error) === "EEXIST";

/** Trouble that does not pass by itself; a full disk may have room again. */
const LASTING: readonly unknown[] = ["ENOENT", "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"];

/** The library's error for one of the file system. */
export function fileFailure(doing: string, error: unknown): CeleryError {
  if (error instanceof CeleryError) return error;
  return new OperationalError(`${doing} failed: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
    retriable: !LASTING.includes(codeOf(error)),
  });
}

/** Writes a whole file at once: nobody ever sees a part of it. */
export async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, temporaryName());
  try {
    await writeFile(temporary, text);
    await rename(temporary, join(folder, name));
  } catch (error) {
    await removeIfThere(temporary);
    throw error;
  }
}

/** The text, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether there was something to remove. */
export async function removeIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

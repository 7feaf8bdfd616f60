import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { CliError, EXIT } from "./exit-codes.js";

/**
 * Writes this process's id into a file that must not exist, and returns what removes it. One that a dead process left
 * is replaced; when its process lives, the error ends the program with 73 (celery/platforms.py `create_pidlock`).
 */
export function takePidfile(path: string): () => void {
  const file = resolve(path);
  const holder = write(file);
  if (holder !== null)
    throw new CliError(`Pidfile (${path}) already exists.\nSeems we're already running? (pid: ${holder})`, {
      exitCode: EXIT.CANTCREAT,
    });
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    process.off("exit", release);
    // Somebody may have put another one there.
    if (read(file) === process.pid) rmSync(file, { force: true });
  };
  process.on("exit", release);
  return release;
}

/** Null when it is ours now, else the process that has it. */
function write(file: string): number | null {
  for (let attempt = 0; ; attempt++) {
    try {
      const descriptor = openSync(file, "wx", 0o644);
      try {
        writeSync(descriptor, `${process.pid}\n`);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 2)
        throw new CliError(`the pidfile ${file} cannot be written: ${(error as Error).message}`, { cause: error });
    }
    const holder = read(file);
    // In a container every first process has the same id.
    if (holder !== null && holder !== process.pid && lives(holder)) return holder;
    console.error(holder === null ? "Broken pidfile found - Removing it." : "Stale pidfile exists - Removing it.");
    rmSync(file, { force: true });
  }
}

function read(file: string): number | null {
  try {
    const match = /^\s*(\d+)\s*\n/.exec(readFileSync(file, "utf8"));
    return match ? Number(match[1]) : null;
  } catch {
    return null;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of another user lives, too. (Celery takes it for dead.)
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

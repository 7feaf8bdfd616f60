import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deferred } from "../../src/util/deferred.js";

/**
 * Everything tests leave outside their own memory: child processes, each in a process group of its own, and temporary
 * folders. What a test forgot is ended when this process exits, also by a signal, so no run leaves anything behind.
 */
const groups = new Set<number>();
const folders = new Set<string>();

/** Starts a program in its own process group. Its output is collected (the last 256 KiB). */
export function startChild(command: string, args: readonly string[], options: SpawnOptions = {}): Child {
  install();
  const process_ = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options, detached: true });
  return new Child(process_, command);
}

export class Child {
  #output = "";
  #ended = false;
  #listeners = new Set<() => void>();
  /** Resolves when the process itself has ended and its output is complete. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(
    readonly process: ChildProcess,
    readonly command: string,
  ) {
    const { pid } = process;
    if (pid !== undefined) {
      groups.add(pid);
      // scripts/test.mjs reads this list to see that a run left no process behind.
      const list = globalThis.process.env.CELERIAC_CHILDREN;
      if (list) appendFileSync(list, `${pid} ${command}\n`);
    }
    const collect = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString("utf8")).slice(-262_144);
      for (const listener of this.#listeners) listener();
    };
    process.stdout?.on("data", collect);
    process.stderr?.on("data", collect);
    process.stdin?.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      const done = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#ended = true;
        if (pid !== undefined && !groupAlive(pid)) groups.delete(pid);
        for (const listener of this.#listeners) listener();
        resolve({ code, signal });
      };
      process.on("error", (error) => {
        this.#output += `\n${error.message}`;
        done(null, null);
      });
      // A grandchild may hold the pipes open: wait for the rest of the output, but not for ever.
      process.on("close", done);
      process.on("exit", (code, signal) => setTimeout(() => done(code, signal), 500).unref());
    });
  }

  /** What it printed so far. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Waits until its output matches; rejects when it ends before, or after the given seconds. */
  async until(
    pattern: RegExp,
    seconds: number,
    what = `"${this.command}" to print ${pattern}`,
  ): Promise<RegExpExecArray> {
    const matched = deferred<RegExpExecArray>();
    const failed = (why: string): Error => new Error(`${why} while waiting for ${what}; its output:\n${this.#output}`);
    const look = (): void => {
      const match = pattern.exec(this.#output);
      if (match) matched.resolve(match);
      else if (this.#ended) matched.reject(failed("the process ended"));
    };
    const timer = setTimeout(() => matched.reject(failed(`${seconds} s passed`)), seconds * 1000);
    this.#listeners.add(look);
    look();
    try {
      return await matched.promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(look);
    }
  }

  /** Waits for the line with which workers of both languages say that they consume; ends one that does not come to it. */
  async ready(seconds: number, what?: string): Promise<this> {
    try {
      await this.until(/ ready\./, seconds, what);
    } catch (error) {
      await this.kill();
      throw error;
    }
    return this;
  }

  /** Signals the process alone (warm endings are its own business). */
  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.process.kill(signal);
  }

  /** Ends the whole process group now, and waits until none of it is left: a child holds its parent's sockets, too. */
  async kill(): Promise<void> {
    const { pid } = this.process;
    if (pid !== undefined) killGroup(pid);
    await this.ended;
    if (pid === undefined) return;
    for (let tries = 0; tries < 200 && groupAlive(pid); tries++) {
      killGroup(pid);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    groups.delete(pid);
  }

  /** Asks politely, then ends the whole group after the given seconds. True when it went by itself. */
  async end(signal: NodeJS.Signals, seconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    this.signal(signal);
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), seconds * 1000);
    });
    const how = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    await this.kill();
    return how !== "late";
  }
}

/** A folder that is removed by `removeFolder`, or else at exit. */
export function temporaryFolder(name: string): string {
  install();
  const folder = mkdtempSync(join(tmpdir(), `celeriac-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  folders.delete(folder);
}

function groupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

function cleanUp(): void {
  for (const pid of groups) killGroup(pid);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  groups.clear();
  folders.clear();
}

let installed = false;
function install(): void {
  if (installed) return;
  installed = true;
  process.on("exit", cleanUp);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      cleanUp();
      process.exit(128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal]);
    });
}

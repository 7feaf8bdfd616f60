import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { ensureVenv, venvPython } from "../interop-tests/python/venvs.mjs";
import { fixturesFolder } from "./fixture-files.js";

export interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

/** One Python process under one Celery version, which reads what it is given (decode.py). Answers come in order. */
export class PythonReader {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  #complaints = "";

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    createInterface(child.stdout).on("line", (line) => this.#waiting.shift()?.(JSON.parse(line) as Answer));
    child.stderr.on("data", (chunk: Buffer) => (this.#complaints += chunk.toString()));
    child.once("close", () => {
      for (const answer of this.#waiting.splice(0)) answer({ error: `decode.py ended: ${this.#complaints}` });
    });
    child.stdin.on("error", () => undefined);
  }

  static async start(version: string): Promise<PythonReader> {
    await ensureVenv(version);
    const script = join(fixturesFolder, "decode.py");
    return new PythonReader(spawn(venvPython(version), ["-B", script], { stdio: ["pipe", "pipe", "pipe"] }));
  }

  ask(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, "close");
  }
}

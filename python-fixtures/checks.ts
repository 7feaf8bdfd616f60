import assert from "node:assert/strict";
import { CeleryError } from "../src/errors.js";
import type { Entry } from "./fixture-files.js";

/** One difference found in one entry of a subject. */
export interface Difference {
  readonly entry: string;
  readonly what: string;
  readonly problem: string;
}

/** Collects what differs over all entries of a subject, so that one run shows everything. */
export class Report {
  readonly #differences: Difference[] = [];
  #checks = 0;

  constructor(readonly version: string) {}

  /** Runs one check of one entry; what it throws becomes a difference. */
  check(entry: Entry, what: string, run: () => void): void {
    this.#checks++;
    try {
      run();
    } catch (error) {
      const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      this.#differences.push({ entry: entry.name, what, problem });
    }
  }

  equal(entry: Entry, what: string, actual: () => unknown, expected: unknown): void {
    this.check(entry, what, () => assert.deepEqual(actual(), expected));
  }

  /** The call is refused with one of the library's own errors. */
  refuses(entry: Entry, what: string, run: () => unknown): void {
    this.check(entry, what, () => assert.throws(run, (error) => error instanceof CeleryError));
  }

  end(): void {
    assert.ok(this.#checks > 0, "nothing was checked");
    if (this.#differences.length === 0) return;
    const shown = this.#differences.slice(0, 12).map(({ entry, what, problem }) => `- ${entry}: ${what}\n${problem}`);
    assert.fail(`Celery ${this.version}: ${this.#differences.length} differences\n${shown.join("\n")}`);
  }
}

import { type TaskDefinition, definitionOf } from "../../client/task.js";
import type { AnyTask } from "../../client/types.js";
import { accumulate } from "./accumulate.js";
import { backendCleanup } from "./backend-cleanup.js";
import { chain } from "./chain.js";
import { chord } from "./chord.js";
import { chordUnlock } from "./chord-unlock.js";
import { chunks } from "./chunks.js";
import { group } from "./group.js";
import type { BuiltinHost } from "./host.js";
import { map, starmap } from "./map.js";

/** What a worker runs: the application's tasks, and under the names that it leaves free Celery's own (celery/app/builtins.py). */
export class TaskTable {
  readonly #tasks: ReadonlyMap<string, AnyTask>;
  readonly #builtins: ReadonlyMap<string, TaskDefinition>;

  /** Without a host there are only those that a thread runs: the ones that call other tasks. */
  constructor(tasks: ReadonlyMap<string, AnyTask>, host?: BuiltinHost) {
    this.#tasks = tasks;
    const find = (name: string): TaskDefinition | undefined => this.find(name);
    this.#builtins = new Map([
      ["celery.map", map(find)],
      ["celery.starmap", starmap(find)],
      ...(host ? hosted(host) : []),
    ]);
  }

  find(name: string): TaskDefinition | undefined {
    const task = this.#tasks.get(name);
    return task ? definitionOf(task) : this.#builtins.get(name);
  }

  /** All names, sorted. */
  get names(): string[] {
    return [...new Set([...this.#tasks.keys(), ...this.#builtins.keys()])].sort();
  }
}

const hosted = (host: BuiltinHost): (readonly [string, TaskDefinition])[] => [
  ["celery.accumulate", accumulate(host)],
  ["celery.backend_cleanup", backendCleanup(host)],
  ["celery.chain", chain],
  ["celery.chord", chord],
  ["celery.chord_unlock", chordUnlock(host)],
  ["celery.chunks", chunks(host)],
  ["celery.group", group(host)],
];

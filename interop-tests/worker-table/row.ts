import type { Sighting } from "./sighting.js";

/**
 * What the task of a row does. Both languages have each of them: `tasks.ts` and `table_tasks.py`. A task that has to
 * know takes its first argument as settings.
 */
export type Behaviour =
  | "add"
  | "fail"
  /** Takes two seconds. */
  | "nap"
  /** Goes on until it is stopped. */
  | "hang"
  /** The same, unless it was delivered before. */
  | "hang_once"
  /** Until the soft time limit, then returns. */
  | "hang_caught"
  /** The process or thread that runs it dies: each time, or only when it has not been delivered or tried before. */
  | "die"
  | "die_once"
  /** `{ times, cause, countdown, queue, maxRetries, args, kwargs }` */
  | "retry"
  | "ignore"
  /** `{ requeue }`; what comes again returns. */
  | "reject"
  /** `{ states: [[state, meta]], then: "value" | "fail" | "ignore" | "requeue" }`; what was put back returns. */
  | "states"
  /** `{ task, args, queue }` */
  | "replace";

/** A difference between the two languages that docs/differences.md names. */
export interface Difference {
  /** The bold words at the start of its line there. */
  readonly line: string;
  /** The only broker on which it shows. */
  readonly on?: string;
  /** What Python's sighting would be if it did as we do. It must change something, or the difference has vanished. */
  readonly ours: (python: Sighting) => Sighting;
}

/** One message, and what is done to it. Both sides get the same. */
export interface Row {
  readonly what: string;
  readonly does?: Behaviour;
  /** How the task is declared, under our names, errors by name; Python gets them in its own spelling. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly embed?: Readonly<Record<string, unknown>>;
  /** Added to the headers that Python would send, or in their place. */
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly without?: readonly string[];
  /** In place of args, kwargs and embed. */
  readonly body?: unknown;
  /** In place of a body that can be written as JSON. */
  readonly bytes?: string;
  readonly contentType?: string | null;
  readonly contentEncoding?: string | null;
  readonly priority?: number;
  /** Seconds from now, as the headers' texts. */
  readonly etaIn?: number;
  readonly expiresIn?: number;
  /** What is done once it was received, or is running. */
  readonly act?: Act;
  /**
   * What has to be seen before the row is over: states of documents (`SUCCESS`), types of events (`task-failed`),
   * `next` and `dead` for messages in those queues; ` x2` behind it for the number.
   */
  readonly until: readonly string[];
  /** Two attempts follow each other so fast that events of both may mix: they are compared in the order of the alphabet. */
  readonly races?: boolean;
  readonly differs?: readonly Difference[];
  /** Pools of ours that cannot do it. */
  readonly notIn?: readonly ("async" | "threads")[];
}

export interface Act {
  readonly when: "before" | "received" | "started";
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The name under which both sides have the task of a row. */
export const taskName = ({ what }: Row): string => `table.${what.replaceAll(/[^A-Za-z0-9]+/g, "_").toLowerCase()}`;

/** What both workers register: they read it from their environment. */
export interface Declaration {
  readonly name: string;
  readonly does: Behaviour;
  readonly options: Readonly<Record<string, unknown>>;
}

export const declarations = (rows: readonly Row[]): Declaration[] =>
  rows.flatMap((row) => (row.does ? [{ name: taskName(row), does: row.does, options: row.options ?? {} }] : []));

import { keepsOrder, stoppedSaysWhy } from "./differences.js";
import type { Difference, Row } from "./row.js";

/** Tasks in different states of their lives, and how their worker ends then. */
export interface Scene {
  readonly what: string;
  readonly signal: "SIGTERM" | "SIGQUIT" | "SIGKILL";
  readonly concurrency: number;
  /** Each is sent when its `until` has been seen of the one before. */
  readonly rows: readonly Row[];
  /** Messages that are in the queue when it has ended, or that nobody will acknowledge. */
  readonly left: number;
  /** Differences in the order in which they are there. */
  readonly differs?: readonly Difference[];
}

const early = { acksLate: false };
const late = { acksLate: true };
const hangs = { does: "hang", until: ["task-started"] } as const;
const waits = { does: "add", args: [1, 2], until: ["task-received"] } as const;

export const scenes: readonly Scene[] = [
  {
    what: "a cold shutdown",
    signal: "SIGQUIT",
    differs: [keepsOrder],
    concurrency: 2,
    rows: [
      { ...hangs, what: "cold, early", options: early, differs: [stoppedSaysWhy] },
      { ...hangs, what: "cold, late", options: late },
      { ...waits, what: "cold, reserved", options: early },
      { ...waits, what: "cold, with an eta", options: early, etaIn: 600 },
    ],
    left: 3,
  },
  {
    what: "a warm shutdown",
    signal: "SIGTERM",
    differs: [keepsOrder],
    concurrency: 2,
    rows: [
      { what: "warm, early", does: "nap", options: early, until: ["task-started"] },
      { what: "warm, late", does: "nap", options: late, until: ["task-started"] },
      { ...waits, what: "warm, reserved", options: early },
      { ...waits, what: "warm, reserved late", options: late },
      { ...waits, what: "warm, with an eta", options: early, etaIn: 600 },
    ],
    left: 3,
  },
  {
    what: "an end by SIGKILL",
    signal: "SIGKILL",
    concurrency: 2,
    rows: [
      {
        ...hangs,
        what: "killed, early",
        options: { ...early, trackStarted: true },
        until: ["STARTED", "task-started"],
      },
      { ...hangs, what: "killed, late", options: { ...late, trackStarted: true }, until: ["STARTED", "task-started"] },
      { ...waits, what: "killed, reserved", options: early },
      { ...waits, what: "killed, with an eta", options: early, etaIn: 600 },
    ],
    left: 3,
  },
];

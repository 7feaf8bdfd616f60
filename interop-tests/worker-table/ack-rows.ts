import { callersReplyAddress, skippedTold, toldAsLost, toldTwice } from "./differences.js";
import type { Row } from "./row.js";

/** wire/protocol-and-worker.md 5.4: each outcome under each way to acknowledge. */

const early = { acksLate: false };
const late = { acksLate: true };
const unlessFailed = { acksLate: true, acksOnFailureOrTimeout: false };
const ways: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  early,
  late,
  "late unless failed": unlessFailed,
  "late unless raised": { acksLate: true, acksOnFailure: false },
  "late unless timed out": { acksLate: true, acksOnTimeout: false },
};

/** One row for each of the ways. */
const rows = (row: Row, names = ["early", "late", "late unless failed"]): Row[] =>
  names.map((name) => ({ ...row, what: `${row.what}, ${name}`, options: { ...ways[name], ...row.options } }));
const everyWay = Object.keys(ways);

export const ackRows: readonly Row[] = [
  ...rows({ what: "success", does: "add", args: [2, 3], until: ["SUCCESS", "task-succeeded"] }),
  ...rows({ what: "exception", does: "fail", until: ["FAILURE", "task-failed"] }, everyWay),
  ...rows(
    {
      what: "soft limit caught",
      does: "hang_caught",
      options: { softTimeLimit: 1 },
      until: ["SUCCESS", "task-succeeded"],
    },
    ["early", "late"],
  ),
  ...rows({ what: "soft limit", does: "hang", options: { softTimeLimit: 1 }, until: ["FAILURE", "task-failed"] }),
  ...rows(
    {
      what: "hard limit",
      does: "hang",
      options: { timeLimit: 1 },
      differs: [toldTwice],
      until: ["FAILURE", "task-failed"],
    },
    ["early", "late", "late unless raised"],
  ),
  ...rows(
    {
      what: "hard limit once",
      does: "hang_once",
      options: { timeLimit: 1 },
      differs: [toldTwice],
      races: true,
      until: ["FAILURE", "task-failed", "SUCCESS", "task-succeeded"],
    },
    ["late unless failed", "late unless timed out"],
  ),
  ...rows(
    {
      what: "limit of the message",
      does: "hang",
      differs: [toldTwice],
      headers: { timelimit: [1, null] },
      until: ["task-failed"],
    },
    ["late"],
  ),
  ...rows({
    what: "retry",
    does: "retry",
    args: [{ times: 1, countdown: 1 }],
    races: true,
    until: ["SUCCESS", "task-retried", "task-succeeded"],
  }),
  ...rows(
    {
      what: "retry with a cause",
      does: "retry",
      args: [{ times: 1, countdown: 1, cause: "not yet" }],
      races: true,
      until: ["SUCCESS", "task-retried", "task-succeeded"],
    },
    ["early", "late"],
  ),
  ...rows({
    what: "retries used up",
    does: "retry",
    args: [{ times: 9, countdown: 0 }],
    headers: { retries: 3 },
    until: ["FAILURE", "task-failed"],
  }),
  ...rows({
    what: "retries used up with a cause",
    does: "retry",
    args: [{ times: 9, countdown: 0, cause: "not yet" }],
    headers: { retries: 3 },
    until: ["FAILURE", "task-failed"],
  }),
  ...rows({
    what: "tried again by itself",
    does: "fail",
    options: { autoretryFor: ["Error"], maxRetries: 1, defaultRetryDelay: 1 },
    races: true,
    until: ["RETRY", "FAILURE", "task-retried", "task-failed"],
  }),
  ...rows(
    {
      what: "tried again by itself with a backoff",
      does: "fail",
      options: { autoretryFor: ["TypeError", "Error"], maxRetries: 1, retryBackoff: 1, retryJitter: false },
      races: true,
      until: ["RETRY", "FAILURE", "task-retried", "task-failed"],
    },
    ["late"],
  ),
  ...rows(
    {
      what: "not tried again for another error",
      does: "fail",
      options: { autoretryFor: ["TypeError"] },
      until: ["FAILURE", "task-failed"],
    },
    ["late"],
  ),
  // Its result is stored, and its message comes again: only what is acknowledged late can.
  ...rows(
    {
      what: "put back after it had succeeded",
      does: "states",
      args: [{ states: [["SUCCESS", "first"]], then: "requeue" }],
      differs: [skippedTold],
      until: ["SUCCESS", "task-succeeded"],
    },
    ["late", "late unless failed"],
  ),
  ...rows({ what: "ignored", does: "ignore", until: ["task-started"] }),
  ...rows({ what: "rejected", does: "reject", args: [{ requeue: false }], until: ["FAILURE", "task-failed"] }),
  ...rows({ what: "rejected and requeued", does: "reject", args: [{ requeue: true }], until: ["task-started"] }, [
    "early",
  ]),
  ...rows(
    { what: "rejected and requeued", does: "reject", args: [{ requeue: true }], until: ["SUCCESS", "task-succeeded"] },
    ["late", "late unless failed"],
  ),
  ...rows({
    what: "replaced",
    does: "replace",
    args: [{ task: "other.task", args: [1, 2], queue: "$NEXT" }],
    differs: [callersReplyAddress],
    until: ["task-started", "next"],
  }),
  ...rows({ what: "expired", does: "add", args: [2, 3], expiresIn: -5, until: ["REVOKED", "task-revoked"] }),
  ...rows(
    {
      what: "expired while it waited",
      does: "add",
      args: [2, 3],
      etaIn: 1,
      expiresIn: 0.5,
      until: ["REVOKED", "task-revoked"],
    },
    ["early", "late"],
  ),
];

/** What becomes of a task whose process or thread dies under it. */
export const lostRows: readonly Row[] = [
  ...rows(
    { what: "lost", does: "die", differs: [toldAsLost], until: ["FAILURE", "task-failed"], notIn: ["async"] },
    everyWay.slice(0, 4),
  ),
  ...rows(
    {
      what: "lost and rejected",
      does: "die_once",
      options: { rejectOnWorkerLost: true },
      until: ["SUCCESS", "task-succeeded"],
      notIn: ["async"],
    },
    ["late", "late unless failed"],
  ),
  ...rows(
    {
      what: "lost and rejected",
      does: "die_once",
      options: { rejectOnWorkerLost: true },
      differs: [toldAsLost],
      until: ["FAILURE", "task-failed"],
      notIn: ["async"],
    },
    ["early"],
  ),
  ...rows(
    {
      what: "lost and tried again",
      does: "die_once",
      options: { retryOnWorkerLost: true, defaultRetryDelay: 1 },
      races: true,
      differs: [toldAsLost],
      until: ["SUCCESS", "task-retried", "task-succeeded"],
      notIn: ["async"],
    },
    ["early", "late"],
  ),
  ...rows(
    {
      what: "lost and tried often enough",
      does: "die",
      options: { retryOnWorkerLost: true, rejectOnWorkerLost: true },
      headers: { retries: 3 },
      differs: [toldAsLost],
      until: ["FAILURE", "task-failed"],
      notIn: ["async"],
    },
    ["early", "late"],
  ),
];

import type { Row } from "./row.js";

/** The ways in which a task can be acknowledged. */
const EARLY = { acksLate: false };
const LATE = { acksLate: true };
const LATE_UNLESS_FAILED = { acksLate: true, acksOnFailureOrTimeout: false };
const LATE_UNLESS_RAISED = { acksLate: true, acksOnFailure: false };
const LATE_UNLESS_TIMEOUT = { acksLate: true, acksOnTimeout: false };

const early = (row: Row): Row => ({ ...row, what: `${row.what}, early`, options: { ...EARLY, ...row.options } });
const late = (row: Row): Row => ({ ...row, what: `${row.what}, late`, options: { ...LATE, ...row.options } });
const strict = (row: Row): Row => ({
  ...row,
  what: `${row.what}, late unless failed`,
  options: { ...LATE_UNLESS_FAILED, ...row.options },
});
const all = (row: Row): Row[] => [early(row), late(row), strict(row)];

/** wire/protocol-and-worker.md 5.4: each outcome under each way to acknowledge. */
export const ackRows: readonly Row[] = [
  ...all({ what: "success", does: "add", args: [2, 3], until: ["SUCCESS", "task-succeeded"] }),
  ...all({ what: "exception", does: "fail", until: ["FAILURE", "task-failed"] }),
  {
    what: "exception, late unless raised",
    does: "fail",
    options: LATE_UNLESS_RAISED,
    until: ["FAILURE", "task-failed", "task-rejected"],
  },
  {
    what: "exception, late unless timeout",
    does: "fail",
    options: LATE_UNLESS_TIMEOUT,
    until: ["FAILURE", "task-failed"],
  },
  ...[early, late].map((how) =>
    how({
      what: "soft limit caught",
      does: "hang_caught",
      options: { softTimeLimit: 1 },
      until: ["SUCCESS", "task-succeeded"],
    }),
  ),
  ...all({ what: "soft limit", does: "hang", options: { softTimeLimit: 1 }, until: ["FAILURE", "task-failed"] }),
  ...all({
    what: "retry once",
    does: "retry",
    args: [{ times: 1, countdown: 0 }],
    until: ["SUCCESS", "task-succeeded"],
  }),
  ...all({ what: "ignored", does: "ignore", until: ["task-started"] }),
  early({ what: "rejected", does: "reject", args: [{ requeue: false }], until: ["task-started"] }),
  late({ what: "rejected", does: "reject", args: [{ requeue: false }], until: ["task-rejected"] }),
  early({ what: "rejected and requeued", does: "reject", args: [{ requeue: true }], until: ["task-started"] }),
  late({
    what: "rejected and requeued",
    does: "reject",
    args: [{ requeue: true }],
    until: ["task-rejected", "task-succeeded"],
  }),
];

import type { Row } from "./row.js";

/** Tasks that are revoked by remote control, at each point of their lives. */
const ways: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  early: { acksLate: false },
  late: { acksLate: true },
};
const rows = (row: Row): Row[] =>
  Object.entries(ways).map(([name, options]) => ({ ...row, what: `${row.what}, ${name}`, options }));
const add = { does: "add", args: [2, 3] } as const;

export const revokeRows: readonly Row[] = [
  ...rows({
    what: "revoked before it came",
    ...add,
    act: { when: "before", method: "revoke", arguments: { task_id: "$ID" } },
    until: ["REVOKED", "task-revoked"],
  }),
  ...rows({
    what: "revoked while it waited",
    ...add,
    etaIn: 2,
    act: { when: "received", method: "revoke", arguments: { task_id: "$ID" } },
    until: ["REVOKED", "task-revoked"],
  }),
  ...rows({
    what: "revoked by a stamp",
    ...add,
    headers: { stamped_headers: ["customer"], stamps: { customer: "gone" } },
    act: { when: "before", method: "revoke_by_stamped_headers", arguments: { headers: { customer: ["gone"] } } },
    until: ["REVOKED", "task-revoked"],
  }),
  ...rows({
    what: "terminated while it ran",
    does: "hang",
    act: { when: "started", method: "revoke", arguments: { task_id: "$ID", terminate: true, signal: "SIGTERM" } },
    until: ["REVOKED", "task-revoked"],
  }),
];

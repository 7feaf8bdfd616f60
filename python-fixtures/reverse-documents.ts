import { tasks, ownHeaders } from "./reverse-tasks.js";
import { results, exceptions, failures, groups } from "./reverse-results.js";
import { events, controls, replies, signatures, tables } from "./reverse-control.js";
import type { Case } from "./reverse-case.js";

/** What is asked of Python besides values: subject -> cases for one Celery version. */
export const documentCases: Readonly<Record<string, (version: string) => Case[]>> = {
  "task messages, protocol 2": (version) => tasks(version, 2),
  "task messages, protocol 1": (version) => tasks(version, 1),
  "a task's own headers": ownHeaders,
  "result documents": results,
  "failed, retried and revoked results": failures,
  exceptions,
  "saved groups": groups,
  events,
  "control requests": controls,
  "control replies": replies,
  signatures,
  "AMQP header tables": tables,
};

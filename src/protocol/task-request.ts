import type { SignatureDocument } from "./signature.js";

/**
 * A task as it travels (celery/app/amqp.py, celery/worker/request.py; docs.celeryq.dev "Message Protocol").
 * Names are ours, values are what the wire carries: times stay ISO texts so that they are sent on unchanged.
 */
export interface TaskRequest {
  readonly id: string;
  /** Registered name. */
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** First task of the tree that this one belongs to. */
  readonly rootId: string | null;
  /** The task that sent this one. */
  readonly parentId: string | null;
  readonly group: string | null;
  /** Position in the group, which orders a chord's results. */
  readonly groupIndex: number | null;
  /** Shown in logs and events instead of the name. */
  readonly shadow: string | null;
  /** ISO text: not before. */
  readonly eta: string | null;
  /** ISO text: not after. */
  readonly expires: string | null;
  /** Attempts already made. */
  readonly retries: number;
  /** Seconds: hard limit first, soft second (Celery's page has them the other way round). */
  readonly timeLimit: readonly [hard: number | null, soft: number | null];
  readonly argsrepr: string;
  readonly kwargsrepr: string;
  /** Node name of the sender. */
  readonly origin: string | null;
  /** Null leaves it to the task: Celery 5.6.3 takes false as "store it even if the task says otherwise". */
  readonly ignoreResult: boolean | null;
  readonly replacedTaskNesting: number;
  readonly stampedHeaders: readonly string[] | null;
  readonly stamps: Readonly<Record<string, unknown>>;
  /** The sender's own headers, beside the protocol's on the wire. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Sent with the result when the task succeeds. */
  readonly callbacks: readonly SignatureDocument[] | null;
  /** Sent when it fails. */
  readonly errbacks: readonly SignatureDocument[] | null;
  /** What is left of the chain, in reverse: the next step is the last element. */
  readonly chain: readonly SignatureDocument[] | null;
  /** The body of the chord that this task is a header part of. */
  readonly chord: SignatureDocument | null;
  readonly replyTo: string | null;
  readonly correlationId: string | null;
  readonly priority: number | null;
  /** Language of the sender (`py`, `js`). */
  readonly lang: string | null;
  /** 2: the fields were headers; 1: they were all in the body. */
  readonly protocol: 1 | 2;
}

/** A request with everything not given at Celery's default; the root is the task itself. */
export function taskRequest(fields: Pick<TaskRequest, "id" | "task"> & Partial<TaskRequest>): TaskRequest {
  return {
    args: [],
    kwargs: {},
    rootId: fields.id,
    parentId: null,
    group: null,
    groupIndex: null,
    shadow: null,
    eta: null,
    expires: null,
    retries: 0,
    timeLimit: NO_LIMITS,
    argsrepr: "",
    kwargsrepr: "",
    origin: null,
    ignoreResult: null,
    replacedTaskNesting: 0,
    stampedHeaders: null,
    stamps: {},
    headers: {},
    callbacks: null,
    errbacks: null,
    chain: null,
    chord: null,
    replyTo: null,
    correlationId: fields.id,
    priority: null,
    lang: "js",
    protocol: 2,
    ...fields,
  };
}

export const NO_LIMITS: readonly [hard: number | null, soft: number | null] = Object.freeze([null, null]);

import type { Config } from "../client/config.js";
import type { Router } from "../client/router.js";
import type { TaskPublisher } from "../client/task-publisher.js";
import { isoTime } from "../protocol/iso-time.js";
import { NotSupported } from "../errors.js";
import type { ResultNode } from "../protocol/result.js";
import { saferepr } from "../protocol/saferepr.js";
import { type SignatureDocument, mergeSignature, readSignature, signatureDocument } from "../protocol/signature.js";
import type { TaskRequest } from "../protocol/task-message.js";
import { newId, originName } from "../util/id.js";
import { now } from "../util/time.js";
import type { CallOptions } from "../client/types.js";
import { chainHead, chainSteps } from "./chain-head.js";

/** What a signature sent by a worker takes from the task that sends it. */
export interface Links {
  /** Its message. */
  readonly parent: TaskRequest;
  readonly parentId: string;
  readonly rootId: string;
  readonly priority: number | null;
  /** Steps that follow it: the last one is next. */
  readonly chain?: readonly SignatureDocument[];
  readonly group?: string;
  readonly groupIndex?: number;
  /** It is sent for its own sake, not as a step of the task: what it says itself of its root, parent and priority counts. */
  readonly own?: boolean;
  /** The name of the task that it is routed as, where that is not its own. */
  readonly routeName?: string;
}

const origin = originName();

/** Sends what comes after a task: its callbacks, the next step of its chain, its errbacks, its next attempt. */
export class Forwarder {
  readonly #publisher: TaskPublisher;
  readonly #router: Router;
  readonly #config: Readonly<Config>;

  constructor(publisher: TaskPublisher, router: Router, config: Readonly<Config>) {
    this.#publisher = publisher;
    this.#router = router;
    this.#config = config;
  }

  /** Throws `NotSupported` for what this version cannot continue: refused before the task runs, so nothing stops half-way. */
  static assertSupported(request: TaskRequest): void {
    if (request.chord)
      throw new NotSupported(
        "the task is part of a chord, which this worker does not take part in yet; route it to a Python worker",
      );
    Forwarder.assertSendable([...(request.callbacks ?? []), ...(request.chain?.slice(-1) ?? [])]);
  }

  /** Throws `NotSupported` for what this version cannot send. */
  static assertSendable(signatures: readonly SignatureDocument[]): void {
    for (const next of signatures.flatMap(members)) {
      const what = unsendable(next);
      if (what !== null)
        throw new NotSupported(
          `the next step is ${what}, which this worker cannot send yet; route the task to a Python worker`,
        );
    }
  }

  /**
   * Publishes a signature with `first` put before its arguments, unless it is immutable. Resolves to its place in the
   * trail, which of a chain is its first step.
   */
  async send(signature: SignatureDocument, first: readonly unknown[], links: Links): Promise<ResultNode> {
    if (signature.subtask_type === "group") return this.#sendGroup(signature, first, links);
    if (signature.subtask_type === "chain") return (await this.#sendChain(signature, first, links)).head;
    return this.#sendTask(signature, first, links);
  }

  /** Several callbacks go out as one group, as Celery sends them. */
  sendAsGroup(tasks: readonly SignatureDocument[], first: readonly unknown[], links: Links): Promise<ResultNode> {
    return this.#sendGroup(signatureDocument({ task: "celery.group", kwargs: { tasks } }), first, links);
  }

  publish(request: TaskRequest, routing: Readonly<CallOptions>, parent: TaskRequest): Promise<void> {
    return this.#publisher.send(request, routing, { parent });
  }

  async #sendTask(signature: SignatureDocument, first: readonly unknown[], links: Links): Promise<ResultNode> {
    const args = signature.immutable ? signature.args : [...first, ...signature.args];
    const request = this.#request(signature, args, links);
    const name = links.routeName ?? signature.task;
    const routing = this.#router.expand(name, args, signature.kwargs, routingOptions(signature.options));
    await this.publish(request, routing, links.parent);
    return { id: request.id, parent: null, children: null };
  }

  async #sendGroup(signature: SignatureDocument, first: readonly unknown[], links: Links): Promise<ResultNode> {
    const { task_id: id, group_index: _, ...shared } = called(signature.options, links);
    const group = text(id) ?? newId();
    const children: ResultNode[] = [];
    for (const [groupIndex, member] of groupMembers(signature)) {
      const task = mergeSignature(member, { options: shared });
      const place = { ...links, group, groupIndex };
      if (task.subtask_type === "chain") children.push((await this.#sendChain(task, first, place)).result);
      else children.push(await this.#sendTask(task, first, place));
    }
    return { id: group, parent: null, children };
  }

  async #sendChain(
    signature: SignatureDocument,
    first: readonly unknown[],
    { group, groupIndex, chain = [], ...links }: Links,
  ): Promise<{ readonly head: ResultNode; readonly result: ResultNode }> {
    // Its last step is the one that is in the group.
    const options = called(signature.options, links);
    const { head, result } = chainHead({ ...signature, options }, { group, groupIndex });
    const following = { ...head.options, chain: [...chain, ...(signatures(head.options.chain) ?? [])] };
    return { head: await this.#sendTask({ ...head, options: following }, first, links), result };
  }

  #request(signature: SignatureDocument, args: readonly unknown[], links: Links): TaskRequest {
    const { options, kwargs, task } = signature;
    const id = text(options.task_id) ?? newId();
    const stampedHeaders = Array.isArray(options.stamped_headers) ? options.stamped_headers.map(String) : null;
    const stamps = Object.fromEntries((stampedHeaders ?? []).map((name) => [name, options[name]]));
    const maxLength = this.#config.taskArgsreprMaxsize;
    const inherited = this.#config.taskInheritParentPriority ? links.priority : null;
    return {
      id,
      task,
      args,
      kwargs,
      rootId: (links.own ? text(options.root_id) : null) ?? links.rootId,
      parentId: (links.own ? text(options.parent_id) : null) ?? links.parentId,
      group: text(options.group_id) ?? links.group ?? null,
      groupIndex: links.groupIndex ?? number(options.group_index),
      shadow: text(options.shadow),
      eta: moment(options.eta) ?? moment(number(options.countdown)),
      expires: moment(options.expires),
      retries: number(options.retries) ?? 0,
      timeLimit: [number(options.time_limit), number(options.soft_time_limit)],
      argsrepr: saferepr(args, { tuple: true, maxLength }),
      kwargsrepr: saferepr(kwargs, { maxLength }),
      origin,
      ignoreResult: typeof options.ignore_result === "boolean" ? options.ignore_result : null,
      replacedTaskNesting: number(options.replaced_task_nesting) ?? 0,
      stampedHeaders,
      stamps,
      headers: isRecord(options.headers) ? options.headers : {},
      callbacks: signatures(options.link),
      errbacks: signatures(options.link_error),
      // Celery tells "last of a chain" ([]) from "not in a chain" (null).
      chain: links.chain ?? signatures(options.chain),
      chord: isRecord(options.chord) ? readSignature(options.chord) : null,
      replyTo: text(options.reply_to),
      correlationId: id,
      priority:
        (links.own ? null : inherited) ?? number(options.priority) ?? inherited ?? this.#config.taskDefaultPriority,
      lang: "js",
      protocol: 2,
    };
  }
}

function groupTasks(group: SignatureDocument): SignatureDocument[] {
  const { tasks } = group.kwargs;
  return ((Array.isArray(tasks) ? tasks : []) as unknown[]).map((task) => readSignature(task));
}

/** The members of a group and of the groups within it, which each count anew. */
const groupMembers = (group: SignatureDocument): (readonly [index: number, task: SignatureDocument])[] =>
  groupTasks(group).flatMap((task, index) =>
    task.subtask_type === "group" ? groupMembers(task) : [[index, task] as const],
  );

/** What is really sent: a group is its members, at any depth. */
const members = (signature: SignatureDocument): SignatureDocument[] =>
  signature.subtask_type === "group" ? groupMembers(signature).map(([, task]) => task) : [signature];

/** Options of a group or a chain as of the call. As in Python a step's call has no priority, and so drops theirs. */
function called(options: SignatureDocument["options"], { own }: Pick<Links, "own">): SignatureDocument["options"] {
  const { priority, ...others } = options;
  return own ? { ...others, priority } : others;
}

/** What a signature is that cannot be sent, or null. */
function unsendable(signature: SignatureDocument): string | null {
  const { subtask_type: type } = signature;
  if (type === null) return null;
  if (type !== "chain") return `a ${type}`;
  const steps = chainSteps(signature);
  const held = steps.find((step) => step.subtask_type !== null);
  return held ? `a chain with a ${held.subtask_type}` : steps.length === 0 ? "a chain without steps" : null;
}

function routingOptions(options: Readonly<Record<string, unknown>>): CallOptions {
  const routing: CallOptions = {};
  const { queue, exchange, routing_key: routingKey, serializer, compression } = options;
  if (typeof queue === "string") routing.queue = queue;
  if (typeof exchange === "string") routing.exchange = exchange;
  if (typeof routingKey === "string") routing.routingKey = routingKey;
  if (typeof serializer === "string") routing.serializer = serializer;
  if (typeof compression === "string") routing.compression = compression;
  return routing;
}

/** `link` may be one signature or a list of them. */
function signatures(value: unknown): SignatureDocument[] | null {
  if (value === null || value === undefined) return null;
  return ((Array.isArray(value) ? value : [value]) as unknown[]).map((one) => readSignature(one));
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const number = (value: unknown): number | null =>
  typeof value === "number" || value instanceof Number ? Number(value) : null;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A moment in a signature: ISO text, a typed datetime, or seconds from now. */
function moment(value: unknown): string | null {
  if (value instanceof Date) return isoTime(value.getTime());
  if (typeof value === "string") return value;
  const seconds = number(value);
  return seconds === null ? null : isoTime(now() + seconds * 1000);
}

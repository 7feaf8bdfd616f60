import { DecodeError } from "../errors.js";
import { fnmatchRegex } from "./fnmatch.js";
import type { Message } from "./message.js";
import { isMapping, shown } from "./reading.js";
import { decodeContent, encodeContent } from "./serializers/registry.js";

export {
  controlExchange,
  controlQueue,
  eventExchange,
  eventQueue,
  replyExchange,
  replyQueue,
  type MailboxOptions,
} from "./mailbox.js";

/** Remote control documents (kombu/pidbox.py, celery/app/control.py). */

/** Where the reply goes. */
export interface ReplyTo {
  readonly exchange: string;
  readonly routingKey: string;
}

export interface ControlRequest {
  /** Command name. */
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Node names that are meant; null for all, or for those that `pattern` matches. */
  readonly destination: readonly string[] | null;
  readonly pattern: string | null;
  /** How `pattern` is read: `glob` or `pcre`. */
  readonly matcher: string | null;
  /** Identifies the call; null when no reply is wanted. */
  readonly ticket: string | null;
  readonly replyTo: ReplyTo | null;
}

/** The body of a request. Ticket and reply address go in together, when a reply is wanted. */
export function controlRequest(request: Pick<ControlRequest, "method"> & Partial<ControlRequest>): unknown {
  const body: Record<string, unknown> = {
    method: request.method,
    arguments: request.arguments ?? {},
    destination: request.destination ?? null,
    pattern: request.pattern ?? null,
    matcher: request.matcher ?? null,
  };
  if (request.ticket && request.replyTo) {
    body["ticket"] = request.ticket;
    body["reply_to"] = { exchange: request.replyTo.exchange, routing_key: request.replyTo.routingKey };
  }
  return body;
}

/** Reads the body of a request; keys that Celery does not know are ignored. Throws `DecodeError`. */
export function readControlRequest(body: unknown): ControlRequest {
  if (!isMapping(body)) throw bad("request", body, "an object");
  const { method, destination = null, ticket } = body;
  if (typeof method !== "string" || method === "") throw bad("method", method, "the name of a command");
  const given = body["arguments"] ?? {};
  if (!isMapping(given)) throw bad("arguments", given, "an object or null");
  const nodes = typeof destination === "string" ? [destination] : destination;
  if (nodes !== null && !(Array.isArray(nodes) && nodes.every((node) => typeof node === "string")))
    throw bad("destination", destination, "an array of node names or null");
  return {
    method,
    arguments: given,
    destination: nodes,
    pattern: textOrNull(body, "pattern"),
    matcher: textOrNull(body, "matcher"),
    ticket: ticket === undefined || ticket === null ? null : typeof ticket === "string" ? ticket : shown(ticket),
    replyTo: readReplyTo(body["reply_to"]),
  };
}

function textOrNull(body: Record<string, unknown>, field: string): string | null {
  const value = body[field];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw bad(field, value, "a text or null");
  return value;
}

function readReplyTo(value: unknown): ReplyTo | null {
  if (value === undefined || value === null) return null;
  if (isMapping(value)) {
    const { exchange, routing_key: routingKey } = value;
    if (typeof exchange === "string" && typeof routingKey === "string") return { exchange, routingKey };
  }
  throw bad("reply_to", value, "an object with exchange and routing_key");
}

/**
 * Whether a node is meant: it is named, or its name matches, or nobody in particular is asked for.
 * Throws `DecodeError` for an unknown matcher or a pattern that is no regular expression.
 */
export function matchesNode(
  request: Pick<ControlRequest, "destination" | "pattern" | "matcher">,
  nodename: string,
): boolean {
  const { destination, pattern, matcher } = request;
  if (destination !== null && destination.length > 0) return destination.includes(nodename);
  if (!pattern || !matcher) return true;
  switch (matcher) {
    case "glob":
      return fnmatchRegex(pattern).test(nodename);
    case "pcre":
      return pythonRegex(pattern).test(nodename);
    default:
      throw bad("matcher", matcher, '"glob" or "pcre"');
  }
}

/** `re.match`: at the start, not necessarily to the end. Python's spellings that JavaScript has otherwise are put right. */
function pythonRegex(pattern: string): RegExp {
  // Flags at the head, `(?i)`; those that say how text is compared (a, L, u) are JavaScript's own way.
  const [head, flags = ""] = /^\(\?([aiLmsu]+)\)/.exec(pattern) ?? [""];
  const source = pattern
    .slice(head.length)
    .replaceAll("(?P<", "(?<")
    .replaceAll(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replaceAll(/\\([AZ])/g, (_, end) => (end === "A" ? "^" : "$"));
  try {
    return new RegExp(source, `y${["i", "m", "s"].filter((flag) => flags.includes(flag)).join("")}`);
  } catch (cause) {
    throw new DecodeError(`the pattern of a control request is ${shown(pattern)}; expected a regular expression`, {
      cause,
    });
  }
}

/** The message of a request. `expires` is Unix seconds, 0 for never; delivery mode 2 is what kombu sends. */
export function encodeControlRequest(
  request: Pick<ControlRequest, "method"> & Partial<ControlRequest>,
  options: { readonly clock: number; readonly expires?: number; readonly serializer?: string },
): Message {
  const headers = { clock: options.clock, expires: options.expires ?? 0 };
  const content = encodeContent(controlRequest(request), options.serializer ?? "json");
  return { ...content, headers, properties: { deliveryMode: 2 } };
}

export interface ControlReply {
  /** The call it answers; null from very old nodes, which counts as the one that is waited for. */
  readonly ticket: string | null;
  /** Lamport clock of the node; null when there is none. */
  readonly clock: number | null;
  /** Answers by node name (one). */
  readonly replies: Readonly<Record<string, unknown>>;
}

/** The message with one node's answer. */
export function encodeControlReply(
  nodename: string,
  value: unknown,
  options: { readonly ticket: string | null; readonly clock: number; readonly serializer?: string },
): Message {
  const headers = { ticket: options.ticket, clock: options.clock };
  const content = encodeContent({ [nodename]: value ?? null }, options.serializer ?? "json");
  return { ...content, headers, properties: { deliveryMode: 1 } };
}

/** Reads an answer. Throws `DecodeError` (or `ContentDisallowed`). */
export function decodeControlReply(message: Message, accept: ReadonlySet<string> | null): ControlReply {
  const replies = decodeContent(message, accept);
  if (!isMapping(replies)) throw bad("reply", replies, "an object with the answers by node name");
  const { ticket, clock } = message.headers;
  return {
    ticket: typeof ticket === "string" ? ticket : null,
    clock: typeof clock === "number" ? clock : null,
    replies,
  };
}

/** Reads a request out of its message, with the sender's clock. Throws `DecodeError` (or `ContentDisallowed`). */
export function decodeControlRequest(
  message: Message,
  accept: ReadonlySet<string> | null,
): ControlRequest & { readonly clock: number | null } {
  const { clock } = message.headers;
  return { ...readControlRequest(decodeContent(message, accept)), clock: typeof clock === "number" ? clock : null };
}

const bad = (what: string, value: unknown, expected: string): DecodeError =>
  new DecodeError(`the ${what} of a control message is ${shown(value)}; expected ${expected}`);

/** Queues, exchanges and how a routing key matches: kombu's entities as plain values. */

export type ExchangeType = "direct" | "topic" | "fanout" | "headers";

export interface Exchange {
  /** Empty for the default exchange, which routes to the queue named like the routing key. */
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface Binding {
  readonly exchange: Exchange;
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface Queue {
  readonly name: string;
  /** The exchange that senders use, and the binding to it; the default exchange needs no binding. */
  readonly exchange: Exchange;
  readonly routingKey: string;
  /** Arguments of that binding: what a headers exchange compares with the headers of a message. */
  readonly bindingArguments?: Readonly<Record<string, unknown>>;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  /** `x-max-priority`, `x-queue-type`, `x-expires` (ms), ... */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Bindings besides the one to `exchange`. */
  readonly bindings: readonly Binding[];
}

/** Where a message is sent. Drivers declare a named exchange before its first use on a connection. */
export interface Destination {
  readonly exchange: Exchange;
  readonly routingKey: string;
}

export const defaultExchange: Exchange = Object.freeze({
  name: "",
  type: "direct",
  durable: true,
  autoDelete: false,
  arguments: Object.freeze({}),
});

/** An exchange with Celery's defaults: direct, durable, kept. */
export function exchange(name: string, options: Partial<Omit<Exchange, "name">> = {}): Exchange {
  return name === ""
    ? defaultExchange
    : { name, type: "direct", durable: true, autoDelete: false, arguments: {}, ...options };
}

/** A queue with Celery's defaults: durable, bound to the direct exchange of its own name with its own name. */
export function queue(name: string, options: Partial<Omit<Queue, "name">> = {}): Queue {
  const routingKey = options.routingKey ?? name;
  return {
    name,
    exchange: exchange(name),
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: {},
    bindings: [],
    ...options,
    routingKey,
  };
}

/** The destination that reaches exactly one queue: the default exchange. */
export const toQueue = (name: string): Destination => ({ exchange: defaultExchange, routingKey: name });

/**
 * How kombu writes a topic binding key as a regular expression: the text itself is part of what its transports store
 * (Redis sets, files), so it has to be the same to the letter (kombu/transport/virtual/exchange.py). `*` is one word
 * since kombu 5.7; up to 5.6 it also swallowed dots (`a.*` matched `a.b.c`): `kombu: "5.6"` gives that older text,
 * which has to be removed too when a binding is taken away. `#` is as kombu has it: `a.#` does not match `a`.
 */
export function topicPattern(bindingKey: string, options: { readonly kombu?: "5.6" | "5.7" } = {}): string {
  const star = options.kombu === "5.6" ? ".*?[^\\.]" : "[^\\.]+";
  const words = bindingKey
    .replaceAll(/[^\p{L}\p{N}.#*]/gu, (char) => (char === "\0" ? "\\000" : `\\${char}`))
    .split(".")
    .map((word) => (word === "*" ? star : word === "#" ? ".*?" : word));
  return `^${words.join("\\.")}$`;
}

const compiled = new Map<string, RegExp | null>();
const MOST_COMPILED = 1000;

/** Whether a stored topic pattern takes a routing key. A pattern that is no regular expression here takes none. */
export function matchTopic(pattern: string, routingKey: string): boolean {
  let regex = compiled.get(pattern);
  if (regex === undefined) {
    if (compiled.size >= MOST_COMPILED) compiled.clear();
    compiled.set(pattern, (regex = compile(pattern)));
  }
  return regex?.test(routingKey) ?? false;
}

// No `u` flag: kombu escapes characters such as `_` that may not be escaped under it. Python's `$` also matches before
// a line feed at the end.
function compile(pattern: string): RegExp | null {
  try {
    return new RegExp(pattern.replace(/\$$/, "\\n?$"));
  } catch {
    return null;
  }
}

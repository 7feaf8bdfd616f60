import type { Route } from "../virtual/store.js";
import type { RedisSettings } from "./settings.js";

/** Names of keys and channels, the prefix put in front by hand: client libraries disagree about channels and patterns. */
export class Keys {
  readonly unacked: string;
  readonly unackedIndex: string;
  readonly unackedMutex: string;
  /** Priority steps in the order in which they are served. */
  readonly steps: readonly number[];
  readonly #prefix: string;
  readonly #separator: string;
  readonly #patterns: boolean;
  readonly #fanoutPrefix: string;

  constructor(settings: RedisSettings, db: number) {
    this.#prefix = settings.globalKeyPrefix;
    this.#separator = settings.separator;
    this.#patterns = settings.fanoutPatterns;
    this.#fanoutPrefix = this.#prefix + settings.fanoutPrefix.replaceAll("{db}", String(db));
    this.steps = settings.prioritySteps;
    this.unacked = this.#prefix + settings.unackedKey;
    this.unackedIndex = this.#prefix + settings.unackedIndexKey;
    this.unackedMutex = this.#prefix + settings.unackedMutexKey;
  }

  /** The list for a queue and a priority: the largest step not above it, the first one under the bare name. */
  list(queue: string, priority: number): string {
    let step = this.steps[0] ?? 0;
    for (const one of this.steps) if (one <= priority) step = one;
    return this.#listOfStep(queue, step);
  }

  /** All lists of one queue. */
  lists(queue: string): string[] {
    return this.steps.map((step) => this.#listOfStep(queue, step));
  }

  /** The lists of several queues as `TAKE` wants them: by step, then by queue. */
  listsByStep(queues: readonly string[]): string[] {
    return this.steps.flatMap((step) => queues.map((queue) => this.#listOfStep(queue, step)));
  }

  #listOfStep(queue: string, step: number): string {
    return step === 0 ? this.#prefix + queue : `${this.#prefix}${queue}${this.#separator}${step}`;
  }

  bindings(exchange: string): string {
    return `${this.#prefix}_kombu.binding.${exchange}`;
  }

  member(route: Route): string {
    return [route.routingKey, route.pattern, route.queue].join(this.#separator);
  }

  route(member: string): Route {
    const [routingKey = "", pattern = "", ...queue] = member.split(this.#separator);
    return { routingKey, pattern, queue: queue.join(this.#separator) };
  }

  channel(exchange: string, routingKey: string): string {
    const channel = this.#fanoutPrefix + exchange;
    return routingKey !== "" && this.#patterns ? `${channel}/${routingKey}` : channel;
  }

  /** The pattern to subscribe to: `#` and `*` of the binding match anything, everything else only itself. */
  channelPattern(exchange: string, routingKey: string): string {
    const channel = literal(this.#fanoutPrefix + exchange);
    return routingKey !== "" && this.#patterns
      ? `${channel}/${literal(routingKey).replaceAll("\\*", "*").replaceAll("#", "*")}`
      : channel;
  }
}

/** Redis's glob characters taken literally. */
const literal = (text: string): string => text.replace(/[\\*?[\]]/g, "\\$&");

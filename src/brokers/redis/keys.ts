import type { Route } from "../virtual/store.js";
import type { RedisSettings } from "./settings.js";

/** Names of keys and channels, the prefix put in front by hand: client libraries disagree about channels and patterns. */
export class Keys {
  readonly unacked: string;
  readonly unackedIndex: string;
  readonly unackedMutex: string;
  /** Exchanges by the time at which kombu (5.7) removes their bindings, unless somebody still uses them. */
  readonly bindingDeadlines: string;
  /** Priority steps in the order in which they are served. */
  readonly steps: readonly number[];
  readonly #prefix: string;
  readonly #separator: string;
  readonly #patterns: boolean;
  /** More than one where senders of different versions have to be heard. */
  readonly #fanoutPrefixes: readonly string[];

  constructor(settings: RedisSettings, db: number) {
    this.#prefix = settings.globalKeyPrefix;
    this.#separator = settings.separator;
    this.#patterns = settings.fanoutPatterns;
    const prefix = settings.fanoutPrefix.replaceAll("{db}", String(db));
    const prefixes = settings.fanoutCompat ? new Set([prefix, settings.fanoutPrefix]) : [prefix];
    this.#fanoutPrefixes = Array.from(prefixes, (one) => this.#prefix + one);
    this.steps = settings.prioritySteps;
    this.unacked = this.#prefix + settings.unackedKey;
    this.unackedIndex = this.#prefix + settings.unackedIndexKey;
    this.unackedMutex = this.#prefix + settings.unackedMutexKey;
    this.bindingDeadlines = `${this.#prefix}_kombu.binding_deadlines`;
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

  /** Bindings that do not end with their consumers (kombu 5.7): while there are any, the table stays. */
  permanentBindings(exchange: string): string {
    return `${this.#prefix}_kombu.binding_permanent.${exchange}`;
  }

  member(route: Route): string {
    return [route.routingKey, route.pattern, route.queue].join(this.#separator);
  }

  route(member: string): Route {
    const [routingKey = "", pattern = "", ...queue] = member.split(this.#separator);
    return { routingKey, pattern, queue: queue.join(this.#separator) };
  }

  /** Whether the same message comes over several channels. */
  get repeatsFanout(): boolean {
    return this.#fanoutPrefixes.length > 1;
  }

  channels(exchange: string, routingKey: string): string[] {
    const key = routingKey !== "" && this.#patterns ? `/${routingKey}` : "";
    return this.#fanoutPrefixes.map((prefix) => prefix + exchange + key);
  }

  /** The patterns to subscribe to: `#` and `*` of the binding match anything, everything else only itself. */
  channelPatterns(exchange: string, routingKey: string): string[] {
    const key =
      routingKey !== "" && this.#patterns ? `/${literal(routingKey).replaceAll("\\*", "*").replaceAll("#", "*")}` : "";
    return this.#fanoutPrefixes.map((prefix) => literal(prefix + exchange) + key);
  }
}

/** Redis's glob characters taken literally. */
const literal = (text: string): string => text.replace(/[\\*?[\]]/g, "\\$&");

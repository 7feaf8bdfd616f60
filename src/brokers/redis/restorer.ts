import { decodeEnvelope, markRedelivered } from "../../protocol/envelope.js";
import { dumps, loads } from "../../protocol/json.js";
import { newId } from "../../util/id.js";
import type { Logger } from "../../util/logger.js";
import type { Link } from "../../util/redis/link.js";
import { epochSeconds, every } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import { queuesFor } from "../virtual/routing.js";
import { giveBack } from "./give-back.js";
import type { Return } from "./give-back.js";
import type { Keys } from "./keys.js";
import type { RedisParts } from "./parts.js";
import { FORGET, RELEASE } from "./scripts.js";
import type { RedisSettings } from "./settings.js";

/** How many records are looked at before they are put back. */
const PAGE = 100;

/**
 * Gives away again what some worker took and did not acknowledge within the visibility timeout: once when a consumer
 * starts, then every so often. Only one peer does it at a time, Python or not (`unacked_mutex`).
 */
export class Restorer {
  readonly #link: Link;
  readonly #keys: Keys;
  readonly #settings: RedisSettings;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #scanning: Promise<void> | undefined;
  /** Records that nobody can place: told once each. */
  readonly #told = new Set<string>();

  constructor(link: Link, { keys, settings, logger }: RedisParts) {
    this.#link = link;
    this.#keys = keys;
    this.#settings = settings;
    this.#logger = logger;
  }

  start(): void {
    this.#timer ??= every(this.#settings.restoreInterval * 1000, () => this.#begin());
    this.#begin();
  }

  /** Resolves when a scan under way has ended. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#scanning;
  }

  #begin(): void {
    this.#scanning ??= this.scan()
      .catch((error: unknown) =>
        this.#logger.warn(`looking for abandoned messages on ${this.#link.displayUrl} failed`, { error }),
      )
      .finally(() => (this.#scanning = undefined));
  }

  /** One scan, unless a peer is at it. */
  async scan(): Promise<void> {
    const { unackedMutex, unackedIndex } = this.#keys;
    const { unackedMutexExpire, visibilityTimeout, restoreLimit } = this.#settings;
    const due = epochSeconds() - visibilityTimeout;
    // The lock of a process that dies with it stalls everybody for minutes, so it is taken only for something to do.
    if ((await this.#link.call("ZCOUNT", unackedIndex, 0, due)) === 0) return;
    const token = newId();
    const lock = await this.#link.call("SET", unackedMutex, token, "NX", "PX", Math.ceil(unackedMutexExpire * 1000));
    if (lock !== "OK") return;
    try {
      const limit = restoreLimit === undefined ? [] : ["LIMIT", 0, restoreLimit];
      const found = await this.#link.call("ZREVRANGEBYSCORE", unackedIndex, due, 0, "WITHSCORES", ...limit);
      const entries = found as string[];
      // Newest first, each to the front: in the end the oldest is taken next.
      for (let at = 0; at < entries.length; at += PAGE * 2) await this.#restore(entries.slice(at, at + PAGE * 2));
    } finally {
      await this.#link.run(RELEASE, [unackedMutex], [token]);
    }
  }

  /** Names and scores, newest first. */
  async #restore(entries: readonly string[]): Promise<void> {
    const names = entries.filter((_, index) => index % 2 === 0);
    const values = (await this.#link.call("HMGET", this.#keys.unacked, ...names)) as (string | null)[];
    const returns: Return[] = [];
    for (const [index, name] of names.entries()) {
      const score = entries[index * 2 + 1] as string;
      const value = values[index];
      if (value == null) await this.#link.run(FORGET, [this.#keys.unacked, this.#keys.unackedIndex], [name, score]);
      else returns.push(...(await this.#placed(name, score, value)));
    }
    await giveBack(this.#link, this.#keys, returns.toReversed(), "front");
  }

  /** Where a record goes back to: `[envelope, exchange, routing key]` as kombu writes it. */
  async #placed(name: string, score: string, value: string): Promise<Return[]> {
    let exchange: string;
    let routingKey: string;
    try {
      const record = loads(value, { floats: "keep", typed: false });
      const [envelope, ...address] = record as [unknown, string | null, string];
      [exchange, routingKey] = [address[0] ?? "", address[1]];
      const text = markRedelivered(dumps(envelope), "headers");
      const { priority } = decodeEnvelope(text);
      const queues = exchange === "" ? [routingKey] : await this.#bound(exchange, routingKey);
      const [first, ...others] = queues.map((queue) => this.#keys.list(queue, clamp(priority)));
      if (first !== undefined)
        // The record can be removed once: it goes with the first list, copies for others go without.
        return [{ list: first, name, score, text }, ...others.map((list) => ({ list, name: "", score, text }))];
    } catch (error) {
      this.#tell(name, "is not a message", error);
      return [];
    }
    this.#tell(
      name,
      `has no queue: nothing is bound to exchange ${JSON.stringify(exchange)} for ${JSON.stringify(routingKey)}`,
    );
    return [];
  }

  async #bound(exchange: string, routingKey: string): Promise<string[]> {
    const members = (await this.#link.call("SMEMBERS", this.#keys.bindings(exchange))) as string[];
    return queuesFor(
      members.map((member) => this.#keys.route(member)),
      routingKey,
    );
  }

  #tell(name: string, what: string, error?: unknown): void {
    if (this.#told.has(name) || this.#told.size > 1000) return;
    this.#told.add(name);
    this.#logger.error(`unacknowledged message ${name} on ${this.#link.displayUrl} ${what}; it is left where it is`, {
      error,
    });
  }
}

const clamp = (priority: number | null): number => Math.max(0, Math.min(9, Math.trunc(priority ?? 0)));

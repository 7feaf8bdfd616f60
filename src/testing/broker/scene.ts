import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Broker, Consumer, Delivery } from "../../brokers/broker.js";
import { queue } from "../../protocol/queue.js";
import type { Queue } from "../../protocol/queue.js";
import type { Message, MessageProperties } from "../../protocol/message.js";
import { sleep } from "../../util/time.js";
import { expectReleased, openResources, QUIET_MS, until, within } from "../harness.js";
import type { Runner, ServerControl } from "../harness.js";

/** How the suite reaches one driver. What is tested is decided by the driver's own `capabilities` alone. */
export interface BrokerHarness extends Runner {
  /** A new broker object for the same server, not connected yet. */
  open(): Broker | Promise<Broker>;
  /** Runs before each test, for stores that are easier to empty than to clean up queue by queue. */
  reset?(): Promise<void>;
  /** The server can be killed and started again; runs last, once. Without it those tests are left out. */
  readonly restart?: ServerControl;
  /** Puts something into the queue that is not kombu's. Without it that test is left out. */
  poison?(queue: string): Promise<void>;
  /** A word of the URL that no error text may contain, such as the password. */
  readonly secret?: string;
}

export const newName = (what: string): string => `conformance.${what}.${randomBytes(6).toString("hex")}`;

export function textMessage(text: string, properties: MessageProperties = {}): Message {
  return {
    body: new TextEncoder().encode(text),
    contentType: "text/plain",
    contentEncoding: "utf-8",
    headers: {},
    properties: { deliveryMode: 2, ...properties },
  };
}

/** The same texts, in the same order where the broker claims that there is one. */
export function assertTexts(broker: Broker, actual: readonly string[], expected: readonly string[]): void {
  const { ordered = true } = broker.capabilities;
  if (ordered) assert.deepEqual(actual, expected);
  else assert.deepEqual([...actual].sort(), [...expected].sort());
}

export const textOf = (delivery: Delivery): string => new TextDecoder().decode(delivery.message.body);

/** Reads a consumer in the background and lets a test wait for what has come. */
export class Reader {
  readonly deliveries: Delivery[] = [];
  readonly consumer: Consumer;
  error: unknown;
  ended = false;
  readonly end: Promise<void>;

  constructor(consumer: Consumer, onDelivery?: (delivery: Delivery) => Promise<void>) {
    this.consumer = consumer;
    this.end = this.#read(onDelivery).then(
      () => undefined,
      (error: unknown) => {
        this.error = error;
      },
    );
  }

  async #read(onDelivery?: (delivery: Delivery) => Promise<void>): Promise<void> {
    try {
      for await (const delivery of this.consumer) {
        this.deliveries.push(delivery);
        await onDelivery?.(delivery);
      }
    } finally {
      this.ended = true;
    }
  }

  get texts(): string[] {
    return this.deliveries.map(textOf);
  }

  /** The n-th delivery (from 0), waited for. */
  async nth(index: number): Promise<Delivery> {
    await this.has(index + 1);
    return this.deliveries[index] as Delivery;
  }

  async has(count: number): Promise<this> {
    await until(
      () => `${count} deliveries, got ${this.deliveries.length}: ${this.texts.slice(-20).join(", ").slice(0, 300)}`,
      () => {
        if (this.error !== undefined && this.deliveries.length < count) throw this.error as Error;
        return this.deliveries.length >= count;
      },
    );
    return this;
  }

  /** Exactly so many, and no more for a while. */
  async hasOnly(count: number): Promise<this> {
    await this.has(count);
    await sleep(QUIET_MS);
    if (this.deliveries.length !== count)
      throw new Error(
        `expected ${count} deliveries and no more, got ${this.deliveries.length}: ${this.texts.join(", ")}`,
      );
    return this;
  }
}

/** One test's brokers, queues and readers, all of them cleaned up at its end. */
export class Scene {
  readonly #harness: BrokerHarness;
  readonly #brokers: Broker[] = [];
  readonly #queues: Queue[] = [];

  constructor(harness: BrokerHarness) {
    this.#harness = harness;
  }

  async open(): Promise<Broker> {
    const broker = await this.#harness.open();
    this.#brokers.push(broker);
    return broker;
  }

  /** A queue of its own name, deleted at the end. */
  queue(options: Partial<Queue> = {}): Queue {
    const { name = newName("queue"), ...rest } = options;
    const made = queue(name, rest);
    this.#queues.push(made);
    return made;
  }

  async cleanUp(): Promise<void> {
    const closing = this.#brokers.splice(0).map((broker) => broker.close());
    await within("all brokers closed", Promise.all(closing));
    const cleaner = await this.#harness.open();
    for (const one of this.#queues.splice(0)) await cleaner.delete(one);
    await cleaner.close();
  }
}

/** Registers one test: whatever it opens is closed, and nothing may be left behind. */
export type Define = (title: string, test: (scene: Scene) => Promise<void>) => void;

export function defineWith(harness: BrokerHarness): Define {
  return (title, test) =>
    harness.it(title, async () => {
      await harness.reset?.();
      const before = openResources();
      const scene = new Scene(harness);
      try {
        await test(scene);
      } catch (error) {
        // The first failure is the one to report; cleaning up may well fail after it.
        await scene.cleanUp().catch(() => undefined);
        throw error;
      }
      await scene.cleanUp();
      await expectReleased(before);
    });
}

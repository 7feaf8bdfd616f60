import assert from "node:assert/strict";
import { queue } from "../../protocol/queue.js";
import { deferred } from "../../util/deferred.js";
import type { Deferred } from "../../util/deferred.js";
import { silentLogger } from "../../util/logger.js";
import { VirtualConsumer } from "./consumer.js";
import type { MessageSource, SourceEvents, Taken } from "./store.js";

/** A source without messages that tells what it was asked; `attach` and `giveBack` may be held up. */
class Gated implements MessageSource<null> {
  readonly pollInterval = Infinity;
  readonly attached = new Set<string>();
  readonly attaching = new Map<string, Deferred<void>>();
  returning: Deferred<void> | undefined;
  isReturning = false;
  /** Queues of each `take`. */
  taking: readonly string[] = [];
  readonly #asked = new Set<() => void>();

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const asked = deferred();
      this.#asked.add(() => asked.resolve());
      await asked.promise;
    }
  }

  #tell(): void {
    for (const one of this.#asked) one();
    this.#asked.clear();
  }

  async open(): Promise<void> {
    this.attached.clear();
  }
  async attach({ name }: { name: string }): Promise<boolean> {
    this.attached.add(name);
    this.#tell();
    await this.attaching.get(name)?.promise;
    return true;
  }
  async detach({ name }: { name: string }): Promise<void> {
    this.attached.delete(name);
  }
  async take(queues: readonly string[]): Promise<readonly Taken<null>[]> {
    this.taking = queues;
    this.#tell();
    return [];
  }
  async arm(): Promise<boolean> {
    return false;
  }
  async giveBack(): Promise<void> {
    this.isReturning = true;
    this.#tell();
    await this.returning?.promise;
  }
  settle(): void {}
  drop(): void {}
  async close(): Promise<void> {}
}

describe("virtual consumer: queues that come and go while it connects", () => {
  let source: Gated;
  let consumer: VirtualConsumer<null>;

  const consume = (names: readonly string[]): void => {
    consumer = new VirtualConsumer<null>(
      {
        displayUrl: "test://",
        logger: silentLogger,
        order: "round_robin",
        retry: true,
        maxRetries: null,
        backoff: () => 0,
        patience: 1000,
        source: (_events: SourceEvents) => source,
        declare: async () => undefined,
        released: async () => undefined,
        closed: () => undefined,
      },
      names.map((name) => queue(name)),
      {},
    );
  };

  beforeEach(() => {
    source = new Gated();
  });
  afterEach(() => consumer.close());

  it("leaves a queue that is cancelled while it is attached, or after that while another one is", async () => {
    for (const slow of ["a", "b"]) {
      source = new Gated();
      const gate = deferred();
      source.attaching.set(slow, gate);
      consume(["a", "b"]);
      await source.until(() => source.attached.has(slow));
      await consumer.cancel("a");
      gate.resolve();
      await source.until(() => source.taking.length > 0);
      assert.deepEqual([source.taking, [...source.attached]], [["b"], ["b"]]);
      await consumer.close();
    }
  });

  it("takes from a queue that is added while messages of an earlier connection are given back", async () => {
    source.returning = deferred();
    consume(["a"]);
    await source.until(() => source.isReturning);
    await consumer.add(queue("b"));
    source.returning.resolve();
    await source.until(() => source.taking.length > 0);
    assert.deepEqual(
      [source.taking, [...source.attached]],
      [
        ["a", "b"],
        ["a", "b"],
      ],
    );
  });
});

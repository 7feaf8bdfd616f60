import assert from "node:assert/strict";
import { deferred } from "../../util/deferred.js";
import type { Deferred } from "../../util/deferred.js";
import { Renewal } from "./renewal.js";
import type { MessageSource, Taken } from "./store.js";

/** The part of a source that renewal looks at; each call waits to be answered. */
class Leases {
  readonly calls: { readonly held: readonly string[]; readonly answer: Deferred<void> }[] = [];
  #called: Deferred<void> | undefined;

  constructor(readonly renewInterval: number) {}

  renew(held: readonly Taken<null>[]): Promise<void> {
    const answer = deferred();
    this.calls.push({ held: held.map(({ text }) => text), answer });
    this.#called?.resolve();
    return answer.promise;
  }

  async called(times: number): Promise<void> {
    while (this.calls.length < times) await (this.#called = deferred()).promise;
  }
}

const take = (text: string): Taken<null> => ({ queue: "q", text, receipt: null });
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("renewal of leases", () => {
  const begin = (
    interval: number,
    held: Taken<null>[],
  ): { source: Leases; renewal: Renewal<null>; told: unknown[] } => {
    const source = new Leases(interval);
    const told: unknown[] = [];
    const renewal = new Renewal(
      source as unknown as MessageSource<null>,
      () => held,
      (error) => told.push(error),
    );
    renewal.start();
    return { source, renewal, told };
  };

  it("asks for all that is held, one call at a time, and again after a failure", async () => {
    const held = [take("a"), take("b")];
    const { source, renewal, told } = begin(5, held);
    await source.called(1);
    held.shift();
    await pause(30);
    assert.equal(source.calls.length, 1, "the first one has not been answered");
    const failure = new Error("the server is away");
    source.calls[0]?.answer.reject(failure);
    await source.called(2);
    assert.deepEqual(
      source.calls.map((call) => call.held),
      [["a", "b"], ["b"]],
    );
    assert.deepEqual(told, [failure]);
    source.calls[1]?.answer.resolve();
    await renewal.stop();
  });

  it("says nothing while nothing is held", async () => {
    const { source, renewal } = begin(5, []);
    await pause(30);
    await renewal.stop();
    assert.equal(source.calls.length, 0);
  });

  it("ends when stopped, after the call under way", async () => {
    const { source, renewal } = begin(5, [take("a")]);
    await source.called(1);
    let stopped = false;
    const stopping = renewal.stop().then(() => (stopped = true));
    await pause(20);
    assert.equal(stopped, false);
    source.calls[0]?.answer.resolve();
    await stopping;
    await pause(20);
    assert.equal(source.calls.length, 1);
  });

  it("is off without an interval, and starting twice is starting once", async () => {
    const off = begin(0, [take("a")]);
    const twice = begin(40, [take("a")]);
    twice.renewal.start();
    await twice.source.called(1);
    twice.source.calls[0]?.answer.resolve();
    assert.equal(off.source.calls.length, 0);
    assert.equal(twice.source.calls.length, 1);
    await off.renewal.stop();
    await twice.renewal.stop();
  });
});

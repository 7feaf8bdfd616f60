import assert from "node:assert/strict";
import type { CeleryError } from "../../errors.js";
import { DecodeError, OperationalError } from "../../errors.js";
import { state, Watching } from "../../testing/backend/scene.js";
import { until } from "../../testing/harness.js";
import { silentLogger } from "../../util/logger.js";
import { monotonic } from "../../util/time.js";
import type { Backend, BackendOptions } from "../backend.js";
import { documents } from "./documents.js";
import { keyValueBackend } from "./key-value-backend.js";
import type { ChangeListener, KeyValue } from "./key-value.js";
import type { RereadTiming } from "./reread-schedule.js";

const options: BackendOptions = {
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: null,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () => Promise.reject(new Error("no broker here")),
};
const docs = documents(options);
const document = (id: string, status: string, result: unknown = null): Uint8Array =>
  docs.encodeTask(state(id, status, result));

/** A store whose every answer a test decides: what goes on between the lines, which no real server shows on demand. */
class Scripted {
  readonly values = new Map<string, Uint8Array>();
  readonly log: string[] = [];
  reads: (readonly string[])[] = [];
  /** Runs before a read is answered; what it returns is what the read has seen. */
  onRead: (keys: readonly string[]) => Promise<void> = () => Promise.resolve();
  onFollow: () => Promise<void> = () => Promise.resolve();
  listener: ChangeListener | undefined;
  hint: ((key: string) => void) | undefined;

  kv(push: boolean): KeyValue {
    return {
      get: async (key) => this.values.get(key) ?? null,
      getMany: async (keys) => {
        this.reads.push(keys);
        const answer = keys.map((key) => this.values.get(key) ?? null);
        await this.onRead(keys);
        return answer;
      },
      set: async (key, value) => void this.values.set(key, value),
      remove: async (key) => void this.values.delete(key),
      ...(push
        ? {
            follow: (listener: ChangeListener) => {
              this.listener = listener;
              return {
                follow: async (keys: readonly string[]) => {
                  this.log.push(`follow ${keys.length}`);
                  await this.onFollow();
                },
                unfollow: (keys: readonly string[]) => void this.log.push(`unfollow ${keys.length}`),
              };
            },
          }
        : {
            hints: (onHint: (key: string) => void) => {
              this.log.push("hints");
              this.hint = onHint;
              return () => void this.log.push("no hints");
            },
          }),
      close: async () => undefined,
    };
  }
}

describe("waiting on key/value stores", () => {
  const opened: Backend[] = [];
  const open = (script: Scripted, push: boolean, timing: Partial<RereadTiming> = {}, tornReads = false): Backend => {
    const setup = { scheme: "scripted", displayUrl: "scripted://", kv: script.kv(push), options, timing, tornReads };
    const backend = keyValueBackend(setup);
    opened.push(backend);
    return backend;
  };
  afterEach(() => Promise.all(opened.splice(0).map((backend) => backend.close())));
  const key = (id: string): string => docs.taskKey(id);

  it("a read that is older than what was pushed meanwhile does not turn time back", async () => {
    const script = new Scripted();
    const backend = open(script, true);
    script.values.set(key("a"), document("a", "PROGRESS", 1));
    script.onRead = async () => script.listener?.changed(key("a"), document("a", "PROGRESS", 2));
    const watching = await new Watching(backend.watch(["a"])).has("PROGRESS");
    script.listener?.changed(key("a"), document("a", "SUCCESS", 3));
    assert.deepEqual(
      (await watching.done()).map(({ result }) => result),
      [2, 3],
    );
  });

  it("a final state that is read is taken, whatever was pushed", async () => {
    const script = new Scripted();
    const backend = open(script, true);
    script.values.set(key("a"), document("a", "SUCCESS", 1));
    script.onRead = async () => script.listener?.changed(key("a"), document("a", "STARTED"));
    assert.equal((await new Watching(backend.watch(["a"])).done()).at(-1)?.status, "SUCCESS");
  });

  it("the same state read and pushed comes once", async () => {
    const script = new Scripted();
    const backend = open(script, true, { first: 5, factor: 1, max: 5 });
    script.values.set(key("a"), document("a", "STARTED"));
    const watching = await new Watching(backend.watch(["a"])).has("STARTED");
    script.listener?.changed(key("a"), document("a", "STARTED"));
    await until("some more reads", () => script.reads.length > 4);
    script.listener?.changed(key("a"), document("a", "SUCCESS"));
    await watching.done();
    assert.deepEqual(watching.statuses, ["STARTED", "SUCCESS"]);
  });

  it("followed once by all its watchers, unfollowed after the last", async () => {
    const script = new Scripted();
    const backend = open(script, true);
    const control = new AbortController();
    const all = [1, 2, 3].map(() => new Watching(backend.watch(["a", "b"], { signal: control.signal })));
    await until("the read", () => script.reads.length === 1);
    assert.deepEqual(script.log, ["follow 2"]);
    control.abort(new Error("enough"));
    await Promise.all(all.map((one) => one.failed()));
    assert.deepEqual(script.log, ["follow 2", "unfollow 1", "unfollow 1"]);
    const again = new Watching(backend.watch(["a"]));
    await until("the next read", () => script.reads.length === 2);
    assert.equal(script.log.at(-1), "follow 1");
    script.listener?.changed(key("a"), document("a", "SUCCESS"));
    await again.done();
  });

  it("many are read in pieces, and again when changes may have been missed", async () => {
    const script = new Scripted();
    const backend = open(script, true);
    const ids = Array.from({ length: 1200 }, (_, index) => `id${index}`);
    const watching = new Watching(backend.watch(ids));
    await until("the reads", () => script.reads.length === 3);
    assert.deepEqual(
      script.reads.map(({ length }) => length),
      [500, 500, 200],
    );
    for (const id of ids) script.values.set(key(id), document(id, "SUCCESS"));
    script.listener?.resumed();
    assert.equal((await watching.done()).length, 1200);
  });

  it("a store that cannot be followed, or is lost for good, ends the waiting with its error", async () => {
    const script = new Scripted();
    const backend = open(script, true);
    const refusal = new OperationalError("not now");
    script.onFollow = () => Promise.reject(refusal);
    assert.equal(await new Watching(backend.watch(["a"])).failed(), refusal);
    script.onFollow = () => Promise.resolve();
    const watching = new Watching(backend.watch(["a"]));
    await until("the read", () => script.reads.length === 1);
    const loss: CeleryError = new OperationalError("gone");
    script.listener?.failed(loss);
    assert.equal(await watching.failed(), loss);
  });

  it("what is followed but cannot be read just now is read later", async () => {
    const script = new Scripted();
    const backend = open(script, true);
    script.onRead = () => Promise.reject(new OperationalError("away"));
    const watching = new Watching(backend.watch(["a"]));
    await until("the read", () => script.reads.length === 1);
    script.onRead = () => Promise.resolve();
    script.values.set(key("a"), document("a", "SUCCESS"));
    script.listener?.resumed();
    await watching.done();
    // What will never be possible is not waited for.
    const refusal = new OperationalError("no permission", { retriable: false });
    script.onRead = () => Promise.reject(refusal);
    assert.equal(await new Watching(backend.watch(["b"])).failed(), refusal);
  });

  it("without reports values are read ever less often, at once on a hint, and not when nobody waits", async () => {
    const script = new Scripted();
    const backend = open(script, false, { first: 4, factor: 2, max: 64 });
    const watching = new Watching(backend.watch(["a"]));
    const times: number[] = [];
    script.onRead = async () => void times.push(monotonic());
    await until("reads", () => times.length >= 6);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.ok((gaps[0] ?? 99) < (gaps[4] ?? 0), `gaps: ${gaps.join(", ")}`);
    const before = times.length;
    script.hint?.("celery-task-meta-other");
    script.hint?.(key("a"));
    await until("the hinted read", () => times.length > before);
    script.values.set(key("a"), document("a", "SUCCESS"));
    script.hint?.(key("a"));
    await watching.done();
    assert.deepEqual(script.log, ["hints", "no hints"]);
  });

  it("failing reads are tried again, and after the stated time end the waiting", async () => {
    const script = new Scripted();
    const backend = open(script, false, { first: 2, factor: 1, max: 5, outage: 60 });
    const watching = new Watching(backend.watch(["a"]));
    await until("a read", () => script.reads.length > 0);
    let failures = 0;
    script.onRead = () => (failures++ < 3 ? Promise.reject(new OperationalError("away")) : Promise.resolve());
    await until("reads that work again", () => failures > 5);
    assert.equal(watching.ended, false);
    script.onRead = () => Promise.reject(new OperationalError("away"));
    const start = monotonic();
    const error = await watching.failed();
    assert.ok(error instanceof OperationalError && /away/.test(error.message), String(error));
    assert.ok(monotonic() - start > 40);
  });

  it("half-written values are read again; what stays unreadable is an error", async () => {
    const script = new Scripted();
    const backend = open(script, false, { first: 2, factor: 1, max: 2 }, true);
    const whole = document("a", "SUCCESS");
    script.values.set(key("a"), whole.slice(0, 20));
    const watching = new Watching(backend.watch(["a"]));
    await until("two reads", () => script.reads.length >= 2);
    script.values.set(key("a"), whole);
    await watching.done();
    script.values.set(key("a"), whole.slice(0, 20));
    assert.ok((await new Watching(backend.watch(["a"])).failed()) instanceof DecodeError);
    const loading = backend.load("a");
    script.values.set(key("a"), whole);
    assert.equal((await loading)?.status, "SUCCESS");
  });
});

import assert from "node:assert/strict";
import type { Backend, BackendOptions } from "../../backends/backend.js";
import { CeleryError } from "../../errors.js";
import type { ResultRecord } from "../../protocol/result.js";
import { newId } from "../../util/id.js";
import { expectReleased, openResources, until, within } from "../harness.js";
import type { Runner, ServerControl } from "../harness.js";

/** How the suite reaches one driver. What is tested is decided by the driver's own `capabilities` alone. */
export interface BackendHarness extends Runner {
  /** A new backend object for the same place, not connected yet, with these changes to Celery's default options. */
  open(changes?: Partial<BackendOptions>): Backend | Promise<Backend>;
  /** Runs after each test, when all its backends are closed: for what `open` opened besides (rpc's brokers). */
  release?(): Promise<void>;
  /** Puts bytes where this reader looks for a task's result. Without it those tests are left out. */
  corrupt?(reader: Backend, taskId: string, bytes: Uint8Array): Promise<void>;
  /** The server can be killed and started again; runs last. Without it those tests are left out. */
  readonly restart?: ServerControl;
  /** A word of the URL that no error text may contain, such as the password. */
  readonly secret?: string;
}

/** A state of a task, with what a worker usually gives. */
export function state(
  taskId: string,
  status: string,
  result: unknown = null,
  more: Partial<ResultRecord> = {},
): ResultRecord {
  const final = ["SUCCESS", "FAILURE", "REVOKED"].includes(status);
  return {
    taskId,
    status,
    result,
    traceback: null,
    children: [],
    dateDone: final ? "2026-11-20T15:48:29.687293+00:00" : null,
    ...more,
  };
}

/** Everything that one iteration gave, read in the background. */
export class Watching {
  readonly records: ResultRecord[] = [];
  error: unknown;
  ended = false;
  readonly end: Promise<void>;

  constructor(states: AsyncIterable<ResultRecord>) {
    this.end = this.#read(states).then(
      () => undefined,
      (error: unknown) => {
        this.error = error;
      },
    );
  }

  async #read(states: AsyncIterable<ResultRecord>): Promise<void> {
    try {
      for await (const record of states) this.records.push(record);
    } finally {
      this.ended = true;
    }
  }

  get statuses(): string[] {
    return this.records.map(({ status }) => status);
  }

  /** The iteration is over, without an error. */
  async done(): Promise<readonly ResultRecord[]> {
    await within(`the end of watching; seen so far: ${this.statuses.slice(-10).join(", ")}`, this.end);
    if (this.error !== undefined) throw this.error as Error;
    return this.records;
  }

  /** The iteration is over, with this error. */
  async failed(): Promise<unknown> {
    await within("watching to fail", this.end);
    assert.notEqual(this.error, undefined, "watching ended without an error");
    return this.error;
  }

  async has(status: string): Promise<this> {
    await until(
      () => `${status}; seen so far: ${this.statuses.slice(-10).join(", ")}`,
      () => {
        if (this.error !== undefined) throw this.error as Error;
        return this.statuses.includes(status);
      },
    );
    return this;
  }
}

/** One test's backends, all of them closed at its end. */
export class Scene {
  readonly harness: BackendHarness;
  readonly #backends: Backend[] = [];

  constructor(harness: BackendHarness) {
    this.harness = harness;
  }

  async open(changes: Partial<BackendOptions> = {}): Promise<Backend> {
    const backend = await this.harness.open(changes);
    this.#backends.push(backend);
    return backend;
  }

  /** Two processes' views: one that sent the tasks and reads, one that runs them and writes. */
  async pair(changes: Partial<BackendOptions> = {}): Promise<{ reader: Backend; store: Store; writer: Backend }> {
    const reader = await this.open(changes);
    const writer = await this.open(changes);
    return { reader, writer, store: storing(writer, reader) };
  }

  /** An id whose result may be wanted by this reader. */
  async task(reader: Backend, id: string = newId()): Promise<string> {
    await reader.expect(id);
    return id;
  }

  async cleanUp(): Promise<void> {
    await within("all backends closed", Promise.all(this.#backends.splice(0).map((backend) => backend.close())));
    await this.harness.release?.();
  }
}

/** Stores a state the way a worker does for a task that `reader` sent. */
export type Store = (record: ResultRecord) => Promise<void>;

export const storing =
  (writer: Backend, reader: Backend): Store =>
  (record) =>
    writer.store(record, { replyTo: reader.replyTo, correlationId: record.taskId });

/** What `reader` knows, once it knows this status. */
export async function loaded(reader: Backend, taskId: string, status: string): Promise<ResultRecord> {
  let record: ResultRecord | null = null;
  await until(
    () => `task ${taskId} in state ${status}; it is in ${record?.status ?? "none"}`,
    async () => {
      record = await reader.load(taskId);
      return record?.status === status;
    },
  );
  return record as unknown as ResultRecord;
}

/** The call rejects with an error of this class, which does not give away the secret; resolves to the error. */
export async function rejects<E extends CeleryError>(
  harness: BackendHarness,
  kind: abstract new (...args: never[]) => E,
  call: () => Promise<unknown>,
): Promise<E> {
  const error = await within(`a ${kind.name}`, call()).then(
    () => assert.fail(`expected a ${kind.name}, but the call succeeded`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof kind, `expected a ${kind.name}, got ${String(error)}`);
  if (harness.secret !== undefined)
    assert.ok(!error.message.includes(harness.secret), `the error gives the password away: ${error.message}`);
  return error;
}

/** Reads the whole iteration; for calls that are expected to reject. */
export async function drain(states: AsyncIterable<ResultRecord>): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  for await (const record of states) records.push(record);
  return records;
}

/** Registers one test: whatever it opens is closed, and nothing may be left behind. */
export type Define = (title: string, test: (scene: Scene) => Promise<void>) => void;

export function defineWith(harness: BackendHarness): Define {
  return (title, test) =>
    harness.it(title, async () => {
      // Runners start their own timer once the test has returned its promise.
      await Promise.resolve();
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

export const isCeleryError = (error: unknown): error is CeleryError => error instanceof CeleryError;

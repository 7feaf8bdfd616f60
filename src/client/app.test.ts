import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { EncodeError, ImproperlyConfigured, NotSupported, OperationalError, TimeoutError } from "../errors.js";
import { newId } from "../util/id.js";
import { Celery, type CeleryOptions } from "./app.js";

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

const inMemory = (settings: Partial<CeleryOptions> = {}): Celery => {
  const name = newId();
  return new Celery({ broker: `memory://${name}`, backend: `memory://${name}`, ...settings });
};

describe("the application", () => {
  it("refuses what cannot be meant when it is made", () => {
    assert.throws(() => new Celery({} as CeleryOptions), ImproperlyConfigured);
    assert.throws(() => new Celery({ broker: "amqp://", tasksRoutes: {} } as CeleryOptions), /did you mean taskRoutes/);
    assert.throws(() => inMemory().task("", () => 1), /not empty/);
    assert.throws(() => inMemory().task("t", { maxRetry: 3 } as object, () => 1), /did you mean maxRetries/);
    assert.throws(() => inMemory().task("t", { params: ["a", "a"] }, (_x: number, _y: number) => 1), /twice/);
    assert.throws(() => inMemory().asyncResult(""), /task id/);
  });

  it("connects to nothing before it is needed, and names an unknown scheme", async () => {
    const app = new Celery({ broker: "carrier-pigeon://user:secret@coop", backend: "nowhere://" });
    await assert.rejects(app.sendTask("t").get(), (error) => {
      assert.ok(error instanceof ImproperlyConfigured);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    await app.close();
  });

  it("rejects a publish after Celery's retry policy, naming the broker without its password", async () => {
    const waits: unknown[] = [];
    const silent = (): void => undefined;
    const warn = (_message: string, fields?: object): void => void waits.push((fields as { wait?: number }).wait);
    await using app = new Celery({
      broker: `redis://:s3cret@127.0.0.1:${await closedPort()}`,
      taskPublishRetryPolicy: { maxRetries: 2, intervalStart: 0, intervalStep: 0.01 },
      logger: { debug: silent, info: silent, warn, error: silent },
    });
    await assert.rejects(app.sendTask("t"), (error) => {
      assert.ok(error instanceof OperationalError);
      assert.match(error.message, /redis:\/\/.*127\.0\.0\.1.*gave up after 3 attempts/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
    assert.deepEqual(waits, [0, 0.01]);
  });

  it("does not retry when told so, and stops waiting when the signal aborts", async () => {
    const broker = `redis://127.0.0.1:${await closedPort()}`;
    await using app = new Celery({ broker });
    const once = app.sendTask("t", [], { retry: false });
    await assert.rejects(once, (error) => error instanceof OperationalError && !/gave up/.test(error.message));
    const signal = AbortSignal.timeout(20);
    const patient = app.sendTask("t", [], {
      retryPolicy: { maxRetries: null, intervalStart: 60, intervalMax: 60 },
      signal,
    });
    await assert.rejects(patient, (error) => error === signal.reason);
  });

  it("rejects with the signal's reason also when an attempt fails at that very moment", async () => {
    await using app = inMemory();
    const broker = await app.broker();
    const controller = new AbortController();
    broker.publish = async () => {
      controller.abort(new Error("enough"));
      throw new OperationalError("away");
    };
    await assert.rejects(app.sendTask("t", [], { signal: controller.signal }), /enough/);
  });

  it("warns instead of ending the process when nobody awaits a publish that fails (a defect of others)", async () => {
    await using app = inMemory();
    const warned = once(process, "warning") as Promise<[Error]>;
    const lost = app.sendTask("t", [Symbol("no JSON")]);
    const [warning] = await warned;
    assert.equal(warning.name, "CeleriacUnsentTask");
    assert.match(warning.message, new RegExp(lost.id));
    await assert.rejects(lost, EncodeError, "whoever looks later still sees why");
  });

  it("has an id before it is sent, and takes the caller's own", async () => {
    await using app = inMemory();
    const own = app.sendTask("t", [], { taskId: "not a UUID / at all" });
    assert.equal(own.id, "not a UUID / at all");
    assert.equal((await own).id, own.id);
    assert.equal(await (await own).state(), "PENDING");
    assert.ok(own instanceof Promise && !(own.then(() => 1) as { id?: string }).id, "what follows are plain promises");
  });

  it("ends a wait by time or signal without ending the task", async () => {
    await using app = inMemory();
    const sent = await app.sendTask("nobody.runs.this");
    await assert.rejects(
      sent.get({ timeout: 0.02 }),
      (error) => error instanceof TimeoutError && /0.02 s/.test(error.message),
    );
    const controller = new AbortController();
    const waiting = sent.get({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(sent.get({ signal: controller.signal }), /enough/);
  });

  it("says what is missing when results are read without a backend", async () => {
    await using app = new Celery({ broker: `memory://${newId()}` });
    const sent = await app.sendTask("t");
    await assert.rejects(sent.get(), NotSupported);
    await assert.rejects(sent.state(), /backend/);
  });

  it("closes the broker whatever the backend does, and tells what went wrong", async () => {
    const name = newId();
    await using real = new Celery({ broker: `memory://${name}`, backend: `memory://${name}` });
    const backend = { ...(await real.backend()), close: () => Promise.reject(new Error("stuck")) };
    const app = new Celery({ broker: `memory://${name}`, backend });
    await app.sendTask("t");
    const broker = await app.broker();
    await assert.rejects(app.close(), /stuck/);
    await assert.rejects(broker.size("celery"), "the broker is closed");
  });

  it("rejects calls after close, and waits that close ends", async () => {
    const app = inMemory();
    const waiting = (await app.sendTask("t")).get();
    const ended = assert.rejects(waiting);
    await app.close();
    await ended;
    await assert.rejects(app.sendTask("t"), /closed/);
    await app.close();
  });

  it("counts the wait for the broker in the limits of get()", async () => {
    await using app = inMemory();
    const broker = await app.broker();
    broker.publish = () => new Promise(() => undefined);
    await assert.rejects(app.sendTask("t").get({ timeout: 0.02 }), TimeoutError);
    const controller = new AbortController();
    const waiting = app.sendTask("t").get({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
  });

  it("lays the retry policy of a call over the application's", async () => {
    let attempts = 0;
    await using app = inMemory({ taskPublishRetryPolicy: { maxRetries: 5, intervalStep: 0 } });
    const broker = await app.broker();
    broker.publish = async () => {
      attempts++;
      throw new OperationalError("away");
    };
    await assert.rejects(app.sendTask("t", [], { retryPolicy: { intervalStart: 0 } }), OperationalError);
    assert.equal(attempts, 6);
  });
});

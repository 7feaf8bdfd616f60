import { createInterface } from "node:readline";
import { deferred } from "../../src/util/deferred.js";
import type { Deferred } from "../../src/util/deferred.js";
import { startChild } from "../servers/children.js";
import type { Child } from "../servers/children.js";
import { clientScript, pythonEnvironment } from "./environment.js";
import type { PythonTarget } from "./environment.js";
import { fromPython, toPython } from "./notation.js";
import type { PythonException } from "./notation.js";
import { ensureVenv } from "./venvs.mjs";

/** What Python's `result.get()` did: returned a value, or raised. */
export type Outcome =
  | { readonly value: unknown; readonly raised?: undefined }
  | {
      readonly value?: undefined;
      readonly raised: PythonException & { readonly state: string | null; readonly traceback: string | null };
    };

/** A raw message as kombu sees it. */
export interface RawMessage {
  readonly body: Uint8Array;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Options of Celery's `apply_async`, under Python's names. */
export type SendOptions = Readonly<Record<string, unknown>>;

/** A living Python process that uses Celery's client; requests are served in order. */
export class PythonClient {
  readonly #child;
  readonly #open = new Map<number, Deferred<unknown>>();
  #number = 0;

  private constructor(child: Child) {
    this.#child = child;
    const { stdout } = this.#child.process;
    if (stdout) createInterface({ input: stdout }).on("line", (line) => this.#answered(line));
    void this.#child.ended.then(() => {
      for (const one of this.#open.values()) one.reject(new Error(`the Python client ended:\n${this.#child.output}`));
      this.#open.clear();
    });
  }

  static async start(target: PythonTarget): Promise<PythonClient> {
    const options = { env: pythonEnvironment(target), stdio: "pipe" } as const;
    const child = startChild(await ensureVenv(target.version), [clientScript], options);
    return PythonClient.over(child, `a Celery ${target.version} client`);
  }

  /** A client.py that was started elsewhere, such as in a container; its input and output are pipes. */
  static async over(child: Child, what: string): Promise<PythonClient> {
    const client = new PythonClient(child);
    try {
      await child.until(/"ready"/, 30, `${what} to be ready`);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  #answered(line: string): void {
    const answer = JSON.parse(line) as {
      n?: number;
      ok?: unknown;
      error?: PythonException & { traceback: string };
    };
    const open = answer.n === undefined ? undefined : this.#open.get(answer.n);
    if (!open) return;
    this.#open.delete(answer.n ?? 0);
    if (answer.error) open.reject(new Error(`Python raised\n${answer.error.traceback}`));
    else open.resolve(answer.ok);
  }

  async #ask(op: string, request: object): Promise<unknown> {
    if (!this.#child.running) throw new Error(`the Python client has ended:\n${this.#child.output}`);
    const n = ++this.#number;
    const answer = deferred<unknown>();
    this.#open.set(n, answer);
    this.#child.process.stdin?.write(`${JSON.stringify({ n, op, ...request })}\n`);
    return answer.promise;
  }

  /** `app.send_task`; resolves to the task's id. */
  async send(
    name: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: SendOptions = {},
  ): Promise<string> {
    const request = { name, args: toPython(args), kwargs: toPython(kwargs), options: toPython(options) };
    return (await this.#ask("send", request)) as string;
  }

  /** `AsyncResult(id).get(timeout)`. */
  async get(id: string, timeout = 20): Promise<Outcome> {
    return outcome(await this.#ask("get", { id, timeout }));
  }

  /** `send` and `get` in one. */
  async call(
    name: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: SendOptions = {},
  ): Promise<Outcome> {
    return this.get(await this.send(name, args, kwargs, options));
  }

  /** Sends one task per argument list, then collects all results in order. */
  async callMany(name: string, list: readonly (readonly unknown[])[]): Promise<Outcome[]> {
    const answers = (await this.#ask("call_many", { name, list_of_args: toPython(list) })) as unknown[];
    return answers.map(outcome);
  }

  /** State, info and traceback as `AsyncResult` shows them now. */
  async state(id: string): Promise<{ state: string; info: unknown; traceback: string | null }> {
    return fromPython(await this.#ask("state", { id })) as { state: string; info: unknown; traceback: string | null };
  }

  /** The different [state, result] seen in order, up to one of the given states. */
  async watch(id: string, until: readonly string[]): Promise<[string, unknown][]> {
    return fromPython(await this.#ask("watch", { id, until })) as [string, unknown][];
  }

  /** Publishes raw bytes through kombu to a queue. Properties under kombu's names. */
  async publish(
    queue: string,
    body: Uint8Array | string,
    options: {
      readonly contentType?: string | null;
      readonly contentEncoding?: string | null;
      readonly headers?: Readonly<Record<string, unknown>>;
      readonly properties?: Readonly<Record<string, unknown>>;
    } = {},
  ): Promise<void> {
    await this.#ask("publish", {
      queue,
      body: Buffer.from(body as string).toString("base64"),
      content_type: options.contentType === undefined ? "application/json" : options.contentType,
      content_encoding: options.contentEncoding === undefined ? "utf-8" : options.contentEncoding,
      headers: toPython(options.headers ?? {}),
      properties: toPython(options.properties ?? {}),
    });
  }

  /** Takes one raw message through kombu and acknowledges it; null when there is none within the seconds. */
  async take(queue: string, timeout = 5): Promise<RawMessage | null> {
    const message = (await this.#ask("take", { queue, timeout })) as Record<string, unknown> | null;
    return (
      message && {
        body: new Uint8Array(Buffer.from(message.body as string, "base64")),
        contentType: message.content_type as string | null,
        contentEncoding: message.content_encoding as string | null,
        headers: fromPython(message.headers) as Record<string, unknown>,
        properties: fromPython(message.properties) as Record<string, unknown>,
      }
    );
  }

  /** Waiting messages, as kombu counts them. */
  async size(queue: string): Promise<number> {
    return (await this.#ask("size", { queue })) as number;
  }

  async purge(queue: string): Promise<number> {
    return (await this.#ask("purge", { queue })) as number;
  }

  /** Changes settings of the running Python application, Celery's names. */
  async configure(conf: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#ask("configure", toPython(conf) as object);
  }

  /** Runs a piece of Python, a function body that sees `app`, `kombu`, `chain`, `values`, ... (see client.py). */
  async run(code: string, values: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return fromPython(await this.#ask("run", { code, values: toPython(values) }));
  }

  /** Ends the process; open requests reject. */
  async close(): Promise<void> {
    this.#child.process.stdin?.end();
    await this.#child.end("SIGTERM", 5);
  }
}

function outcome(answer: unknown): Outcome {
  const { value, raised } = answer as { value?: unknown; raised?: NonNullable<Outcome["raised"]> };
  return raised ? { raised: { ...raised, args: fromPython(raised.args) as unknown[] } } : { value: fromPython(value) };
}

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { CeleryOptions } from "../../src/index.js";
import { pythonEnvironment } from "../python/environment.js";
import { ensureVenv } from "../python/venvs.mjs";
import { startChild } from "../servers/children.js";
import type { Child } from "../servers/children.js";
import type { Stage } from "../stage.js";

const folder = fileURLToPath(new URL(".", import.meta.url));

export interface FleetOptions {
  readonly stage: Stage;
  readonly acksLate: boolean;
  readonly transportOptions: Readonly<Record<string, unknown>>;
  readonly ledger: { readonly url: string; readonly prefix: string };
  /** Further settings of our workers. */
  readonly settings?: Partial<CeleryOptions>;
  /** Of our workers; default 2. */
  readonly concurrency?: number;
}

/** One worker that is started again whenever it is killed. */
export class Member {
  readonly side: "python" | "node";
  readonly #start: () => Promise<Child>;
  #child: Child | undefined;
  #starting: Promise<void> | undefined;
  #ending = false;
  /** Processes of it that were killed as a whole. */
  readonly killed: number[] = [];

  constructor(side: "python" | "node", start: () => Promise<Child>) {
    this.side = side;
    this.#start = start;
  }

  /** Resolves when it is ready; one that runs goes on. */
  start(): Promise<void> {
    if (this.ready) return Promise.resolve();
    return (this.#starting ??= this.#launch().finally(() => (this.#starting = undefined)));
  }

  /** Whether it is there and at work. */
  get ready(): boolean {
    return this.#child?.running === true && this.#starting === undefined;
  }

  signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.process.pid;
    // The whole group: a prefork worker is several processes.
    if (pid !== undefined && this.#child?.running) process.kill(-pid, signal);
  }

  /** SIGKILL to all of its processes. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.killed.push(child?.process.pid ?? 0);
    await child?.kill();
  }

  /** SIGKILL to one process of the pool; the worker itself goes on. False when there was none. */
  async killPoolProcess(pick: (count: number) => number): Promise<boolean> {
    const pid = this.#child?.process.pid;
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    const pids = text.trim().split(" ").filter(Boolean).map(Number);
    const victim = pids[pick(pids.length)];
    if (victim === undefined) return false;
    process.kill(victim, "SIGKILL");
    return true;
  }

  /** Warm shutdown. Throws when it does not end by itself. */
  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const child = this.#child;
    if (child?.running && !(await child.end("SIGTERM", 20)))
      throw new Error(`a ${this.side} worker did not stop:\n${child.output}`);
  }

  /** Whatever happened. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#starting?.catch(() => undefined);
    await this.#child?.kill();
  }

  /** Resolves when its process has ended by itself. */
  async ended(): Promise<void> {
    await this.#child?.ended;
  }

  async #launch(): Promise<void> {
    if (this.#ending) return;
    this.#child = await this.#start();
  }
}

/** Two workers of each language on the same queue. */
export function fleet(options: FleetOptions): Member[] {
  return [
    ...[1, 2].map((n) => new Member("python", () => python(options, n))),
    ...[1, 2].map(() => nodeMember(options)),
  ];
}

export const nodeMember = (options: FleetOptions): Member => new Member("node", () => node(options));

async function python({ stage, acksLate, transportOptions, ledger }: FleetOptions, n: number): Promise<Child> {
  const { conf, ...target } = stage.target;
  const environment = pythonEnvironment({
    ...target,
    conf: {
      ...conf,
      broker_transport_options: { ...(conf?.broker_transport_options as object), ...transportOptions },
      task_acks_late: acksLate,
      task_reject_on_worker_lost: acksLate,
      broker_connection_retry_on_startup: true,
    },
  });
  const args = ["-m", "celery", "-A", "chaos_app", "worker", "-l", "WARNING", "-P", "prefork", "-c", "2"];
  args.push("-n", `chaos${n}@%h`, "-Q", stage.queue, "--without-gossip", "--without-mingle", "--without-heartbeat");
  const child = startChild(await ensureVenv(target.version), [...args, "-l", "INFO"], {
    cwd: folder,
    env: { ...environment, CHAOS_LEDGER: ledger.url, CHAOS_PREFIX: ledger.prefix },
  });
  return child.ready(60);
}

function node({ stage, acksLate, transportOptions, ledger, settings, concurrency = 2 }: FleetOptions): Promise<Child> {
  const app = {
    ...stage.options,
    ...settings,
    brokerTransportOptions: { ...stage.options.brokerTransportOptions, ...transportOptions },
    taskAcksLate: acksLate,
  };
  const worker = { queues: [stage.queue], concurrency, heartbeatInterval: 0 };
  const child = startChild(
    process.execPath,
    ["--import", "tsx", `${folder}worker-process.ts`, JSON.stringify({ app, worker })],
    { env: { ...process.env, CHAOS_LEDGER: ledger.url, CHAOS_PREFIX: ledger.prefix } },
  );
  return child.ready(60);
}

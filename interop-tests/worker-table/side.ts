import { randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { CeleryOptions } from "../../src/index.js";
import { isoTime } from "../../src/protocol/iso-time.js";
import type { Message } from "../../src/protocol/message.js";
import { queue } from "../../src/protocol/queue.js";
import { uniqueName } from "../drivers/index.js";
import { pythonEnvironment } from "../python/environment.js";
import { ensureVenv, newestCelery } from "../python/venvs.mjs";
import { type Child, startChild } from "../servers/children.js";
import type { Event, Ground } from "./ground.js";
import { shown, taskMessage } from "./message.js";
import { type Declaration, type Row, taskName } from "./row.js";
import { Liner, type Names, type Sighting } from "./sighting.js";
import { within } from "./within.js";

/** `solo` is a Python worker that runs its tasks in its own process: it starts quickly. */
export type SideName = "python" | "solo" | "async" | "threads";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** A row's message, and what is seen of it. */
export interface Observed {
  readonly id: string;
  readonly message: Message;
  /** How often something of `Row.until` was seen. */
  readonly seen: (what: string) => number;
  readonly sighting: () => Promise<Sighting>;
}

/** One worker of either language, with queues of its own. */
export class Side {
  readonly #next: Message[] = [];
  readonly #dead: Message[] = [];

  private constructor(
    readonly name: SideName,
    readonly ground: Ground,
    readonly hostname: string,
    readonly queue: { readonly name: string; readonly arguments: object },
    /** Queues that nobody works on. */
    readonly nextQueue: string,
    readonly deadQueue: string,
    readonly child: Child,
  ) {}

  static async start(
    name: SideName,
    ground: Ground,
    tasks: readonly Declaration[],
    conf: Partial<CeleryOptions>,
    // Rows are played several at a time: most of them wait.
    concurrency = 4,
  ): Promise<Side> {
    const hostname = `${name}-${randomBytes(3).toString("hex")}@table`;
    const [nextQueue, deadQueue] = [uniqueName("table-next"), uniqueName("table-dead")];
    const own = await ground.makeQueue(deadQueue);
    const start = name === "python" || name === "solo" ? startPython : startOurs;
    const child = await start({ name, ground, hostname, queue: own, tasks, conf, concurrency });
    const side = new Side(name, ground, hostname, own, nextQueue, deadQueue, child);
    await ground.watch(queue(nextQueue), ({ message }) => side.#next.push(message));
    await ground.watch(queue(deadQueue), ({ message }) => side.#dead.push(message));
    return side;
  }

  /** Sends the row's message, waits until everything has happened, and tells what it was. */
  async play(row: Row): Promise<Sighting> {
    const { ground } = this;
    const { id, message, seen, sighting } = this.#observe(row);
    const act = async (when: string): Promise<void> => {
      if (row.act?.when !== when) return;
      if (when !== "before")
        await within(
          15,
          () => seen(`task-${when}`) > 0,
          () => `${this.name} did not tell of task-${when}`,
        );
      const text = JSON.stringify(row.act.arguments).replaceAll("$ID", id);
      await ground.command(this.hostname, row.act.method, JSON.parse(text) as Record<string, unknown>);
    };
    await act("before");
    await ground.publish(this.queue.name, message);
    await act("received");
    await act("started");
    await this.#all(row, seen, sighting);
    await this.fence();
    return sighting();
  }

  /** Sends the row's message, and no more. */
  async send(row: Row): Promise<void> {
    await this.ground.publish(this.queue.name, this.#message(row).message);
  }

  /** Sends the row's message and waits until all of `until` was seen: the task may still be under way. */
  async begin(row: Row): Promise<Observed> {
    const observed = this.#observe(row);
    await this.ground.publish(this.queue.name, observed.message);
    await this.#all(row, observed.seen, observed.sighting);
    return observed;
  }

  /** What happens to a row's message from now on. */
  #observe(row: Row): Observed {
    const { ground } = this;
    const start = { documents: ground.documents.length, events: ground.events.length };
    const { message, names, ids, id } = this.#message(row);
    const documents = (): { status?: unknown }[] =>
      ground.documents.slice(start.documents).flatMap(({ id, document }) => (ids.has(id) ? [document] : []));
    const events = (): Event[] => ground.events.slice(start.events).filter((one) => ids.has(String(one["uuid"])));
    const mine = ({ properties }: Message): boolean => ids.has(properties.correlationId ?? "");
    const seen = (what: string): number =>
      what === "next"
        ? this.#next.filter(mine).length
        : what.startsWith("task-")
          ? events().filter(({ type }) => type === what).length
          : documents().filter(({ status }) => status === what).length;
    const sighting = async (): Promise<Sighting> => {
      const liner = new Liner(names);
      const eventLines = events().map((one) => liner.line(one));
      return {
        documents: documents().map((one) => liner.line(one)),
        events: row.races ? eventLines.sort() : eventLines,
        next: this.#next.filter(mine).map((one) => liner.line(shown(one))),
        settled: ground.driver.name !== "amqp" ? "gone" : this.#dead.some(mine) ? "rejected" : "acknowledged",
        left: (await ground.unacked(this.queue.name)).filter((one) => one.includes(id)).map(() => "unacknowledged"),
      };
    };
    return { id, message, seen, sighting };
  }

  async #all(row: Row, seen: Observed["seen"], sighting: Observed["sighting"]): Promise<void> {
    const wanted = row.until.map((one) => one.split(" x"));
    const over = (): boolean => wanted.every(([what = "", times = "1"]) => seen(what) >= Number(times));
    await within(
      15,
      () => over() || !this.child.running,
      async () => `${this.name} saw only ${JSON.stringify(await sighting(), null, 1)}`,
    );
  }

  /** What was sent before has been taken, and what it caused has been told: later things come after. */
  async fence(): Promise<void> {
    const id = randomUUID();
    await this.ground.publish(this.queue.name, taskMessage({ what: "fence", until: [] }, id, "table.fence"));
    const done = (): boolean =>
      this.ground.events.some(({ type, uuid }) => type === "task-succeeded" && uuid === id) || !this.child.running;
    await within(15, done, async () => `${this.name} takes nothing more:\n${this.child.output.slice(-3000)}`);
    if (!this.child.running) throw new Error(`${this.name} has ended:\n${this.child.output.slice(-3000)}`);
    // Events and documents come by different ways: nothing that was said by now is on its way for longer.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }

  #message(row: Row): { message: Message; names: Names; ids: ReadonlySet<string>; id: string } {
    const id = randomUUID();
    const others = ["$A", "$B", "$C"].map((word) => [word, randomUUID()] as const);
    const marks: Names = [
      ["$NEXT", this.nextQueue],
      ["$QUEUE", this.queue.name],
      ["$ID", id],
      ["$TASK", taskName(row)],
      ["$SOON", isoTime(Date.now() + 100_000)],
      ...others,
    ];
    let text = JSON.stringify(row);
    for (const [word, value] of marks) text = text.replaceAll(word, value);
    const message = taskMessage(JSON.parse(text) as Row, id, taskName(row));
    const names: Names = [
      [id, "ID"],
      ...others.map(([word, value]) => [value, word] as const),
      [this.nextQueue, "NEXT"],
      [this.deadQueue, "DEAD"],
      [this.queue.name, "QUEUE"],
      [this.hostname, "HOST"],
    ];
    return { message, names, id, ids: new Set([id, ...others.map(([, value]) => value)]) };
  }

  /** How many messages are in its queue. */
  waiting(): Promise<number> {
    return this.ground.broker.size(this.queue.name);
  }

  /** Warm, as an operator would do it. */
  async stop(): Promise<void> {
    if (!(await this.child.end("SIGTERM", 20)))
      throw new Error(`${this.name} did not stop:\n${this.child.output.slice(-3000)}`);
  }
}

interface Start {
  readonly name: SideName;
  readonly ground: Ground;
  readonly hostname: string;
  readonly queue: { readonly name: string; readonly arguments: object };
  readonly tasks: readonly Declaration[];
  readonly conf: Partial<CeleryOptions>;
  readonly concurrency: number;
}

async function startPython({ name, ground, hostname, queue: own, tasks, conf, concurrency }: Start): Promise<Child> {
  const { place, results } = ground;
  const settings = Object.entries({ ...conf, taskDefaultQueue: own.name });
  const env = pythonEnvironment({
    version: newestCelery,
    broker: place.python?.url ?? "",
    backend: results.python?.url,
    conf: Object.fromEntries(settings.map(([key, value]) => [snake(key), value])),
  });
  env.CELERIAC_TABLE = JSON.stringify({ queues: [own], tasks });
  const args = ["-m", "celery", "-A", "table_tasks", "worker", "-l", "INFO", "-n", hostname];
  args.push("-P", name === "python" ? "prefork" : name);
  args.push("-c", String(concurrency), "-Q", own.name, "-E", "--without-mingle");
  const child = startChild(await ensureVenv(newestCelery), args, { cwd: folder, env });
  return child.ready(40);
}

async function startOurs({ name, ground, hostname, queue: own, tasks, conf, concurrency }: Start): Promise<Child> {
  const { place, results } = ground;
  const options = { ...conf, broker: place.url, backend: results.url, taskDefaultQueue: own.name };
  const worker = { hostname, concurrency, pool: name, queues: [own.name], taskEvents: true };
  const env = { ...process.env, CELERIAC_TABLE: JSON.stringify({ options, tasks }) };
  const args = ["--import", "tsx", `${folder}node-worker.ts`, JSON.stringify(worker)];
  return startChild(process.execPath, args, { env }).ready(40);
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

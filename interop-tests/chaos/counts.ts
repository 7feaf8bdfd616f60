import { Redis } from "ioredis";
import { sharedServer } from "../servers/shared.js";
import type { Stage } from "../stage.js";

/** What the server itself knows of a queue. */
export interface Counts {
  waiting(): Promise<number>;
  /** Given out and not acknowledged. */
  unacknowledged(): Promise<number>;
  close(): void;
}

export const countsOf = (stage: Stage): Counts =>
  stage.combination.broker.name === "redis" ? new RedisCounts(stage) : new RabbitCounts(stage.queue);

interface Envelope {
  readonly headers: { readonly id: string };
}

/** The database of a stage belongs to it alone. */
export class RedisCounts implements Counts {
  readonly #redis: Redis;
  readonly #queue: string;

  constructor({ target, queue }: Stage) {
    this.#redis = new Redis(target.broker);
    this.#queue = queue;
  }

  waiting(): Promise<number> {
    return this.#redis.llen(this.#queue);
  }

  unacknowledged(): Promise<number> {
    return this.#redis.hlen("unacked");
  }

  /**
   * At one moment: how many wait that nobody has taken yet, and the ids, each once, of tasks that somebody took and did
   * not acknowledge, or that came back from there: they may have run.
   */
  async snapshot(): Promise<{ waiting: number; taken: string[] }> {
    const answers = await this.#redis.multi().lrange(this.#queue, 0, -1).hvals("unacked").exec();
    const [texts, records] = (answers ?? []).map(([, value]) => value) as [string[], string[]];
    const back = texts.filter((text) => /"redelivered": ?true/.test(text));
    const ids = [
      ...back.map((text) => (JSON.parse(text) as Envelope).headers.id),
      ...records.map((text) => (JSON.parse(text) as [Envelope])[0].headers.id),
    ];
    return { waiting: texts.length - back.length, taken: [...new Set(ids)] };
  }

  /** Resolves when the server has noticed that connections were closed: it gives nothing to their clients any more. */
  async noticed(): Promise<void> {
    // What happened before the first answer is seen to before the second.
    for (let turn = 0; turn < 2; turn++) await this.#redis.ping();
  }

  close(): void {
    this.#redis.disconnect();
  }
}

class RabbitCounts implements Counts {
  readonly #queue: string;

  constructor(queue: string) {
    this.#queue = queue;
  }

  waiting(): Promise<number> {
    return this.#count("messages_ready");
  }

  unacknowledged(): Promise<number> {
    return this.#count("messages_unacknowledged");
  }

  close(): void {}

  async #count(what: string): Promise<number> {
    const server = await sharedServer("rabbitmq");
    const output = (await server.ctl?.("-q", "list_queues", "name", what)) ?? "";
    const line = output.split("\n").find((one) => one.startsWith(`${this.#queue}\t`));
    return Number(line?.split("\t")[1]);
  }
}

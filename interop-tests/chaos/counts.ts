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

  /** At one moment: how many wait, and the ids of tasks that somebody took and did not acknowledge. */
  async snapshot(): Promise<{ waiting: number; taken: string[] }> {
    const answers = await this.#redis.multi().llen(this.#queue).hvals("unacked").exec();
    const [waiting, records] = (answers ?? []).map(([, value]) => value) as [number, string[]];
    const taken = records.map((text) => (JSON.parse(text) as [{ headers: { id: string } }])[0].headers.id);
    return { waiting, taken };
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

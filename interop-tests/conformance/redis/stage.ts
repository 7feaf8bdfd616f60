import { Redis } from "ioredis";
import open from "../../../src/brokers/redis/index.js";
import type { Broker, BrokerOptions } from "../../../src/brokers/broker.js";
import { recordingLogger } from "../../expect.js";
import type { LogLine } from "../../expect.js";
import type { Server } from "../../servers/index.js";

/** What the tests of one server share: brokers of ours in one database, and a plain connection to look and meddle. */
export class RedisStage {
  readonly raw: Redis;
  readonly url: string;
  readonly lines: LogLine[];
  readonly #logger;
  readonly #brokers: Broker[] = [];

  constructor(readonly server: Server) {
    this.url = `${server.url}/0`;
    this.raw = new Redis(this.url);
    const { logger, lines } = recordingLogger();
    this.#logger = logger;
    this.lines = lines;
  }

  open(
    transportOptions: Readonly<Record<string, unknown>> = {},
    changes: Partial<BrokerOptions> = {},
    url = this.url,
  ): Broker {
    const broker = open(url, {
      logger: this.#logger,
      transportOptions: { interval_start: 0.05, interval_step: 0.05, ...transportOptions },
      connectionTimeout: 4,
      connectionRetry: true,
      connectionMaxRetries: 100,
      heartbeat: 0,
      useSsl: false,
      failoverStrategy: "round-robin",
      ...changes,
    });
    this.#brokers.push(broker);
    return broker;
  }

  /** Records of unacknowledged messages: name and value. */
  unacked(): Promise<Record<string, string>> {
    return this.raw.hgetall("unacked");
  }

  async reset(): Promise<void> {
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.close()));
    await this.raw.flushdb();
    this.lines.length = 0;
  }

  async end(): Promise<void> {
    await this.reset();
    this.raw.disconnect();
  }
}

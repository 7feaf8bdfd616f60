import { loadZooKeeper } from "../../../src/brokers/zookeeper/client.js";
import type { ZooKeeperClient } from "../../../src/brokers/zookeeper/client.js";
import open from "../../../src/brokers/zookeeper/index.js";
import type { Broker, BrokerOptions } from "../../../src/brokers/broker.js";
import { uniqueName } from "../../drivers/index.js";
import type { Place } from "../../drivers/index.js";
import { commonPlace } from "../../drivers/place.js";
import { asked } from "../../drivers/zookeeper.js";
import { recordingLogger } from "../../expect.js";
import type { LogLine } from "../../expect.js";
import { Proxy } from "../../results/proxy.js";
import type { Server } from "../../servers/index.js";

/** What the tests of one server share: brokers of ours under one path, and a plain client to look and meddle. */
export class ZooKeeperStage {
  readonly vhost = uniqueName("stage");
  readonly address: string;
  readonly url: string;
  readonly raw: ZooKeeperClient;
  readonly lines: LogLine[];
  readonly #logger;
  readonly #brokers: Broker[] = [];
  readonly #proxies: Proxy[] = [];

  constructor(readonly server: Server) {
    this.address = new URL(server.url).host;
    this.url = `zookeeper://${this.address}/${this.vhost}`;
    this.raw = loadZooKeeper(undefined).createClient(this.address, {
      sessionTimeout: 10_000,
      spinDelay: 100,
      retries: 5,
    });
    this.raw.connect();
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

  /** A proxy in front of the server, and a broker URL that leads through it. */
  async proxy(): Promise<{ readonly proxy: Proxy; readonly url: string }> {
    const [host = "", port] = this.address.split(":");
    const proxy = await Proxy.start({ host, port: Number(port) });
    this.#proxies.push(proxy);
    return { proxy, url: `zookeeper://127.0.0.1:${proxy.port}/${this.vhost}` };
  }

  /** Where a Python process finds the same queues. */
  get place(): Place {
    const place = commonPlace(this.url, this.server);
    return { ...place, python: { url: this.url, transportOptions: { polling_interval: 0.02 } } };
  }

  /** The children of a queue, sorted. */
  async entries(queue: string): Promise<string[]> {
    const names = await asked<string[]>((done) =>
      this.raw.getChildren(`/${this.vhost}/${queue}`, (error, found) => done(error, found ?? [])),
    );
    return names.sort();
  }

  async text(queue: string, entry: string): Promise<string> {
    const data = await asked<Buffer | undefined>((done) =>
      this.raw.getData(`/${this.vhost}/${queue}/${entry}`.replace(/\/+$/, ""), done),
    );
    return data?.toString("utf8") ?? "";
  }

  /** The rights that a node of the stage gives. */
  acl(path: string): Promise<unknown> {
    const raw = this.raw as unknown as { getACL(path: string, done: (error: unknown, acl: unknown) => void): void };
    return asked<unknown>((done) => raw.getACL(`/${this.vhost}${path}`, done)).then(
      (acl) => JSON.parse(JSON.stringify(acl)) as unknown,
    );
  }

  /** The envelopes that wait in a queue, first one first. */
  async envelopes(queue: string): Promise<Record<string, unknown>[]> {
    const names = await this.entries(queue);
    return Promise.all(names.map(async (name) => JSON.parse(await this.text(queue, name)) as Record<string, unknown>));
  }

  async reset(): Promise<void> {
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.close()));
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.close()));
    this.lines.length = 0;
  }

  async end(): Promise<void> {
    await this.reset();
    this.raw.close();
  }
}

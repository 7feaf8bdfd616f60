import type { Server } from "../interop-tests/servers/index.js";
import { newestCelery, venvPython } from "../interop-tests/python/venvs.mjs";
import type { Figures, Task } from "./contestants/measure.js";
import { consume } from "./consume.js";
import { node, python } from "./processes.js";

/** Contestants that do the same thing, the first of which is ours, and the ratios that are wanted. */
export interface Contest {
  readonly name: string;
  readonly title: string;
  readonly contestants: readonly Contestant[];
  readonly targets: readonly Target[];
}

export interface Contestant {
  readonly name: string;
  run(): Promise<Figures>;
}

/** Ours must reach `atLeast` times the best of `against`. */
export interface Target {
  readonly against: readonly string[];
  readonly atLeast: number;
}

const interpreter = venvPython(newestCelery);

export function publishContests(redis: Server, rabbitmq: Server, scale: number): Contest[] {
  const contest = (
    name: string,
    title: string,
    server: Server,
    [count, pythonCount, inFlight]: readonly [number, number, number],
    bare: string,
    conf: Readonly<Record<string, unknown>>,
    targets: readonly Target[],
  ): Contest => {
    const task: Task = { url: server.url, queue: `bench-${name}`, count: Math.round(count * scale), inFlight };
    const settings = { broker: server.url, task_default_queue: task.queue, ...conf };
    const publish = ["bench/python/contestant.py", String(Math.round(pythonCount * scale))];
    return {
      ...{ name, title, targets },
      contestants: [
        { name: "celeriac", run: () => node("publish-celeriac", task) },
        { name: bare, run: () => node(`publish-${bare}`, task) },
        { name: "python", run: () => python(interpreter, publish, settings) },
      ],
    };
  };
  const confirmed = { broker_transport_options: { confirm_publish: true } };
  const bareAndPython = (bare: string, ratio: number, times: number): Target[] => [
    { against: [bare], atLeast: ratio },
    { against: ["python"], atLeast: times },
  ];
  return [
    contest(
      "redis-publish",
      "Redis publish, 1000 in flight",
      redis,
      [60_000, 4000, 1000],
      "ioredis",
      {},
      bareAndPython("ioredis", 0.6, 10),
    ),
    contest(
      "redis-publish-one",
      "Redis publish, one at a time",
      redis,
      [15_000, 4000, 1],
      "ioredis",
      {},
      bareAndPython("ioredis", 0.6, 1),
    ),
    contest(
      "amqp-publish",
      "RabbitMQ confirmed publish, 1000 in flight",
      rabbitmq,
      [30_000, 2000, 1000],
      "amqplib",
      confirmed,
      bareAndPython("amqplib", 0.8, 5),
    ),
    contest(
      "amqp-publish-one",
      "RabbitMQ confirmed publish, one at a time",
      rabbitmq,
      [3000, 2000, 1],
      "amqplib",
      confirmed,
      bareAndPython("amqplib", 0.8, 1),
    ),
  ];
}

/** What it costs to tell monitors what happens to each task. */
export function eventContests(redis: Server, rabbitmq: Server, scale: number): Contest[] {
  return brokersOf(redis, rabbitmq).map(([kind, server]) => {
    const place = { broker: server.url, redis: redis.url, queue: `bench-events-${kind}` };
    const run = (events: boolean) => () => consume(place, Math.round(30_000 * scale), { concurrency: 100, events });
    return {
      name: `${kind}-events`,
      title: `${kind === "redis" ? "Redis" : "RabbitMQ"} consume with task events, results in Redis`,
      contestants: [
        { name: "celeriac", run: run(true) },
        { name: "without events", run: run(false) },
      ],
      targets: [{ against: ["without events"], atLeast: 0.9 }],
    };
  });
}

const brokersOf = (redis: Server, rabbitmq: Server) =>
  [
    ["redis", redis],
    ["amqp", rabbitmq],
  ] as const;

export function consumeContests(redis: Server, rabbitmq: Server, scale: number): Contest[] {
  const pools: Readonly<Record<string, readonly string[]>> = {
    "python solo": ["-P", "solo"],
    "python threads 10": ["-P", "threads", "-c", "10"],
    "python prefork 2": ["-P", "prefork", "-c", "2"],
    "python solo, multiplier 100": ["-P", "solo", "--prefetch-multiplier", "100"],
  };
  return brokersOf(redis, rabbitmq).map(([kind, server]) => {
    const place = { broker: server.url, redis: redis.url, queue: `bench-consume-${kind}` };
    return {
      name: `${kind}-consume`,
      title: `${kind === "redis" ? "Redis" : "RabbitMQ"} consume, results in Redis`,
      contestants: [
        { name: "celeriac", run: () => consume(place, Math.round(30_000 * scale), { concurrency: 100 }) },
        ...Object.entries(pools).map(([name, args]) => ({
          name,
          run: () => consume(place, Math.round(4000 * scale), { interpreter, args }),
        })),
      ],
      targets: [{ against: Object.keys(pools), atLeast: 4 }],
    };
  });
}

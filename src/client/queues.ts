import { ImproperlyConfigured, QueueNotFound } from "../errors.js";
import { type Binding, type Exchange, type ExchangeType, type Queue, exchange, queue } from "../protocol/queue.js";
import type { Config } from "./config.js";
import { newId } from "../util/id.js";
import type { BindingSettings, QueueSettings } from "./queue-settings.js";
import { unknownName } from "./settings.js";

const FIELDS = [
  ...["name", "exchange", "exchangeType", "routingKey", "durable", "exclusive", "autoDelete", "broadcast"],
  ...["bindingArguments", "bindings"],
  ...["maxPriority", "expires", "messageTtl", "queueArguments"],
];

/** The queues of an application (celery/app/amqp.py `Queues`): configured ones, and those made from names. */
export class Queues {
  readonly #config: Readonly<Config>;
  /** By the names that senders use. */
  readonly #queues = new Map<string, Queue>();
  readonly #broadcasts = new Set<Queue>();
  /** The queues a worker consumes when it is told nothing. */
  readonly configured: readonly Queue[];

  constructor(config: Readonly<Config>) {
    this.#config = config;
    const given = config.taskQueues;
    const list = Array.isArray(given)
      ? (given as readonly (QueueSettings & { readonly name: string })[]).map((one) => [one.name, one] as const)
      : Object.entries((given ?? {}) as Readonly<Record<string, QueueSettings>>);
    for (const [name, settings] of list) {
      if (typeof name !== "string" || name === "") throw new ImproperlyConfigured("a queue in taskQueues has no name");
      this.#queues.set(name, this.#fromSettings(name, settings));
    }
    if (list.length === 0) this.#queues.set(config.taskDefaultQueue, this.#defaultQueue());
    this.configured = [...this.#queues.values()];
  }

  /** The queue of that name, made now if the configuration allows it. */
  get(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    if (name !== this.#config.taskDefaultQueue && !this.#config.taskCreateMissingQueues)
      throw new QueueNotFound(
        `the queue ${JSON.stringify(name)} is not in taskQueues (${[...this.#queues.keys()].join(", ")}) and taskCreateMissingQueues is off`,
      );
    const made = name === this.#config.taskDefaultQueue ? this.#defaultQueue() : this.#missing(name);
    this.#queues.set(name, made);
    return made;
  }

  /** The queue of that name, made as it is described here if it is not known. */
  add(name: string, settings: QueueSettings): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const made = this.#fromSettings(name, settings);
    this.#queues.set(name, made);
    return made;
  }

  /** All queues known so far. */
  get all(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  /** Whether a queue is one of many that all get what is sent to their exchange. */
  isBroadcast(queue: Queue): boolean {
    return this.#broadcasts.has(queue);
  }

  /** The exchange of that name among the known queues, or a direct one. */
  exchange(name: string): Exchange {
    for (const one of this.#queues.values()) if (one.exchange.name === name) return one.exchange;
    return exchange(name);
  }

  #defaultQueue(): Queue {
    const {
      taskDefaultQueue: name,
      taskDefaultExchange,
      taskDefaultExchangeType,
      taskDefaultRoutingKey,
    } = this.#config;
    return queue(name, {
      exchange: exchange(taskDefaultExchange ?? name, { type: taskDefaultExchangeType }),
      routingKey: taskDefaultRoutingKey ?? name,
      arguments: this.#arguments(this.#config.taskDefaultQueueType, {}),
    });
  }

  #missing(name: string): Queue {
    const { taskCreateMissingQueueExchangeType, taskCreateMissingQueueType } = this.#config;
    return queue(name, {
      exchange: exchange(name, { type: taskCreateMissingQueueExchangeType ?? "direct" }),
      arguments: this.#arguments(taskCreateMissingQueueType, {}),
    });
  }

  #fromSettings(name: string, settings: QueueSettings): Queue {
    const unknown = Object.keys(settings).find((key) => !FIELDS.includes(key));
    if (unknown) throw unknownName(`setting of the queue ${name}`, unknown, FIELDS);
    if (settings.broadcast) return this.#broadcast(name, settings);
    const { taskDefaultExchange, taskDefaultExchangeType, taskDefaultRoutingKey } = this.#config;
    const { exchange = taskDefaultExchange ?? name, exchangeType = taskDefaultExchangeType } = settings;
    return queue(name, {
      ...ownFields(settings),
      exchange: exchangeOf(exchange, exchangeType),
      routingKey: settings.routingKey ?? taskDefaultRoutingKey ?? name,
      arguments: this.#arguments("classic", settings),
    });
  }

  #broadcast(name: string, settings: QueueSettings): Queue {
    const { taskDefaultRoutingKey, taskDefaultQueue } = this.#config;
    const made = queue(`bcast.${newId()}`, {
      ...{ autoDelete: true, ...ownFields(settings) },
      exchange: exchangeOf(settings.exchange ?? name, settings.exchangeType ?? "fanout"),
      routingKey: settings.routingKey ?? taskDefaultRoutingKey ?? taskDefaultQueue,
      arguments: this.#arguments("classic", settings),
    });
    this.#broadcasts.add(made);
    return made;
  }

  #arguments(type: "classic" | "quorum", settings: QueueSettings): Record<string, unknown> {
    const priority = settings.maxPriority ?? this.#config.taskQueueMaxPriority;
    return {
      ...(type === "quorum" ? { "x-queue-type": "quorum" } : {}),
      ...(priority === null ? {} : { "x-max-priority": priority }),
      ...(settings.expires === undefined ? {} : { "x-expires": Math.trunc(settings.expires * 1000) }),
      ...(settings.messageTtl === undefined ? {} : { "x-message-ttl": Math.trunc(settings.messageTtl * 1000) }),
      ...settings.queueArguments,
    };
  }
}

/** What a queue takes over as it was given. */
function ownFields(settings: QueueSettings): Partial<Queue> {
  const { durable, exclusive, autoDelete, bindingArguments, bindings } = settings;
  return {
    ...(durable === undefined ? {} : { durable }),
    ...(exclusive === undefined ? {} : { exclusive }),
    ...(autoDelete === undefined ? {} : { autoDelete }),
    ...(bindingArguments === undefined ? {} : { bindingArguments }),
    ...(bindings === undefined ? {} : { bindings: bindings.map(bindingOf) }),
  };
}

const bindingOf = (given: BindingSettings): Binding => ({
  exchange: exchangeOf(given.exchange, given.exchangeType ?? "direct"),
  routingKey: given.routingKey ?? "",
  arguments: given.arguments ?? {},
});

const exchangeOf = (given: BindingSettings["exchange"], type: ExchangeType): Exchange =>
  typeof given === "string" ? exchange(given, { type }) : exchange(given.name, { type, ...given });

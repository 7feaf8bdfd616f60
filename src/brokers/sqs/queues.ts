import { OperationalError, QueueNotFound } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { monotonic } from "../../util/time.js";
import type { SqsClient } from "./client.js";
import type { Clients } from "./clients.js";
import { isDenied, isMissingQueue } from "./failure.js";
import { isFifo, sqsName } from "./names.js";
import type { PredefinedQueue, SqsSettings } from "./settings.js";

/** kombu's default for the queues that it creates, in seconds. */
const VISIBILITY_TIMEOUT = 1800;
/** Milliseconds for which a redrive policy is not read again, as in kombu. */
const POLICY_AGE = 300_000;

/** Where a queue is, found once. */
export interface QueueAddress {
  /** As the application calls it. */
  readonly name: string;
  readonly url: string;
  readonly client: SqsClient;
  readonly fifo: boolean;
  readonly predefined: PredefinedQueue | undefined;
}

/** What is known of a queue besides its address; undefined: the account may not read it. */
export interface QueueFacts {
  /** Seconds that a message is hidden which somebody received. */
  readonly visibility: number | undefined;
  /** Whether SQS moves messages away that were received too often. */
  readonly redrive: boolean | undefined;
}

/** Finds queues by name, creates those that are missing, and remembers where they are. */
export class Queues {
  readonly #clients: Clients;
  readonly #settings: SqsSettings;
  readonly #logger: Logger;
  readonly #known = new Map<string, Promise<QueueAddress>>();
  readonly #facts = new Map<string, { readonly facts: Promise<QueueFacts>; readonly at: number }>();

  constructor(clients: Clients, settings: SqsSettings, logger: Logger) {
    this.#clients = clients;
    this.#settings = settings;
    this.#logger = logger;
  }

  /** Finds the queue, or creates it. */
  ensure(name: string): Promise<QueueAddress> {
    let address = this.#known.get(name);
    if (!address) {
      address = this.#resolve(name, true) as Promise<QueueAddress>;
      this.#known.set(name, address);
      address.catch(() => this.#known.delete(name));
    }
    return address;
  }

  /** Finds the queue. */
  async find(name: string): Promise<QueueAddress | undefined> {
    return this.#known.get(name) ?? this.#resolve(name, false);
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  forgetAll(): void {
    this.#known.clear();
    this.#facts.clear();
  }

  /** Read once every five minutes; `fresh` reads at once. */
  facts(address: QueueAddress, fresh = false): Promise<QueueFacts> {
    const known = this.#facts.get(address.url);
    if (known && !fresh && monotonic() - known.at < POLICY_AGE) return known.facts;
    const facts = this.#readFacts(address);
    this.#facts.set(address.url, { facts, at: monotonic() });
    facts.catch(() => this.#facts.delete(address.url));
    return facts;
  }

  async #readFacts({ url, name, client }: QueueAddress): Promise<QueueFacts> {
    try {
      const attributes = await client.attributes(url, name, ["VisibilityTimeout", "RedrivePolicy"]);
      const visibility = Number(attributes["VisibilityTimeout"]);
      return {
        visibility: Number.isFinite(visibility) ? visibility : undefined,
        redrive: attributes["RedrivePolicy"] !== undefined,
      };
    } catch (error) {
      if (!isDenied(causeOf(error))) throw error;
      this.#logger.warn(
        `the attributes of queue ${name} may not be read (sqs:GetQueueAttributes), so its visibility timeout and ` +
          `redrive policy are not known: rejected messages stay in it`,
        { error },
      );
      return { visibility: undefined, redrive: undefined };
    }
  }

  async #resolve(name: string, create: boolean): Promise<QueueAddress | undefined> {
    const { predefinedQueues, queueNamePrefix } = this.#settings;
    if (predefinedQueues) return this.#predefined(name, predefinedQueues);
    const sqs = sqsName(name, queueNamePrefix);
    const client = await this.#clients.for();
    const url = (await lookUp(client, sqs)) ?? (create ? await this.#create(client, sqs) : undefined);
    return url === undefined ? undefined : { name, url, client, fifo: isFifo(sqs), predefined: undefined };
  }

  async #predefined(name: string, queues: ReadonlyMap<string, PredefinedQueue>): Promise<QueueAddress> {
    // kombu sends by the mangled name and receives by the plain one: a queue is found under both.
    const predefined = queues.get(name) ?? queues.get(sqsName(name, this.#settings.queueNamePrefix));
    if (!predefined)
      throw new QueueNotFound(
        `queue ${JSON.stringify(name)} is not in the transport option predefined_queues, which has ` +
          `${[...queues.keys()].join(", ")}: add it with its url, or leave the option out to have queues looked up and created`,
      );
    const client = await this.#clients.for(predefined);
    return { name, url: predefined.url, client, fifo: isFifo(predefined.url), predefined };
  }

  async #create(client: SqsClient, name: string): Promise<string> {
    const { visibilityTimeout, creationAttributes, queueTags } = this.#settings;
    const attributes = {
      VisibilityTimeout: String(visibilityTimeout ?? VISIBILITY_TIMEOUT),
      ...(isFifo(name) && { FifoQueue: "true" }),
      ...creationAttributes,
    };
    const url = await client.create(name, attributes, queueTags).catch(async (error: unknown) => {
      // Somebody may have created it meanwhile with other attributes: it is used as it is.
      const found = await lookUp(client, name).catch(() => undefined);
      if (found === undefined) throw error;
      return found;
    });
    if (!url) throw new OperationalError(`queue ${name} was created at ${client.displayUrl} without an answer`);
    return url;
  }
}

/** Accounts made for kombu may be allowed to list queues, and not to ask for one. */
async function lookUp(client: SqsClient, name: string): Promise<string | undefined> {
  try {
    return await client.queueUrl(name);
  } catch (error) {
    if (isMissingQueue(causeOf(error))) return undefined;
    if (!isDenied(causeOf(error))) throw error;
    const urls = await client.list(name).catch(() => {
      throw error;
    });
    return urls.find((url) => url.endsWith(`/${name}`));
  }
}

/** The SDK's own error behind one of ours. */
export const causeOf = (error: unknown): unknown => (error instanceof Error ? (error.cause ?? error) : error);

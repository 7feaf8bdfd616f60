import type { Broker, PublishOptions } from "../brokers/broker.js";
import { CeleryError, OperationalError } from "../errors.js";
import type { Message } from "../protocol/message.js";
import { abortable } from "../util/abort.js";
import type { Logger } from "../util/logger.js";
import { sleep } from "../util/time.js";
import type { Config } from "./config.js";
import type { RetryPolicy } from "./retry-policy.js";
import type { Routed } from "./router.js";
import { checkSettings, nullable, number } from "./settings.js";

export interface SendOptions {
  readonly retry?: boolean | undefined;
  readonly retryPolicy?: RetryPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly delay?: PublishOptions["delay"];
}

const POLICY = {
  maxRetries: { check: nullable(number({ min: 0, integer: true })), initial: 3 },
  intervalStart: { check: number({ min: 0 }), initial: 0 },
  intervalStep: { check: number({ min: 0 }), initial: 0.2 },
  intervalMax: { check: number({ min: 0 }), initial: 1 },
};

/** Sends messages under Celery's publish retry policy. */
export class Publisher {
  readonly #broker: () => Broker | Promise<Broker>;
  readonly #config: Readonly<Config>;
  readonly #logger: Logger;
  readonly #policy: Required<RetryPolicy>;

  constructor(broker: () => Broker | Promise<Broker>, config: Readonly<Config>, logger: Logger) {
    this.#broker = broker;
    this.#config = config;
    this.#logger = logger;
    this.#policy = readPolicy(config.taskPublishRetryPolicy);
  }

  /**
   * Resolves when the broker has the message. Rejects with `OperationalError` once the policy is exhausted, and at once
   * with what no retry can mend (`PublishError`, `EncodeError`, ...) or with the signal's reason. `prepare` is part of
   * each attempt: what has to be there before the message is.
   */
  async send(message: Message, to: Routed, options: SendOptions = {}, prepare?: () => Promise<void>): Promise<void> {
    const { signal } = options;
    const publishOptions = { declare: to.declare, signal, mandatory: to.mandatory, delay: options.delay };
    for (let attempt = 0; ; attempt++) {
      try {
        signal?.throwIfAborted();
        if (prepare) await abortable(prepare(), signal);
        const broker = await this.#broker();
        return await broker.publish(message, to.destination, publishOptions);
      } catch (error) {
        const wait = this.#wait(attempt, error, options);
        if (wait === null) throw this.#final(error, attempt);
        // An attempt may well fail just as the signal aborts: then it is the signal that ends the trying.
        signal?.throwIfAborted();
        this.#logger.warn("publishing failed, trying again", { error, attempt: attempt + 1, wait });
        await sleep(wait * 1000, signal);
      }
    }
  }

  /** Seconds until the next attempt, or null when there is none. */
  #wait(attempt: number, error: unknown, options: SendOptions): number | null {
    if (!(error instanceof CeleryError && error.retriable)) return null;
    if (!(options.retry ?? this.#config.taskPublishRetry)) return null;
    const policy = options.retryPolicy
      ? readPolicy({ ...this.#config.taskPublishRetryPolicy, ...options.retryPolicy })
      : this.#policy;
    if (policy.maxRetries !== null && attempt >= policy.maxRetries) return null;
    return Math.min(policy.intervalStart + attempt * policy.intervalStep, policy.intervalMax);
  }

  #final(error: unknown, attempt: number): unknown {
    if (attempt === 0 || !(error instanceof OperationalError)) return error;
    return new OperationalError(`${error.message} (gave up after ${attempt + 1} attempts)`, { cause: error });
  }
}

function readPolicy(given: RetryPolicy): Required<RetryPolicy> {
  return checkSettings<Required<RetryPolicy>>("retry policy setting", POLICY, given);
}

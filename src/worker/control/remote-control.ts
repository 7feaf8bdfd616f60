import type { Broker, Consumer, Delivery } from "../../brokers/broker.js";
import type { Config } from "../../client/config.js";
import type { Publisher } from "../../client/publisher.js";
import { EncodeError } from "../../errors.js";
import {
  type ControlRequest,
  controlQueue,
  decodeControlRequest,
  encodeControlReply,
  matchesNode,
} from "../../protocol/control.js";
import { exchange } from "../../protocol/queue.js";
import { exactRepr } from "../../protocol/python-text.js";
import { deferred } from "../../util/deferred.js";
import { sleep } from "../../util/time.js";
import { type ControlHost, NO_REPLY, nok } from "./command.js";
import { runCommand } from "./panel.js";

/** What remote control needs of the application. */
export interface RemoteControlOptions {
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly config: Pick<Config, "controlExchange" | "taskSerializer">;
  /** Content types that requests may have. */
  readonly accept: ReadonlySet<string>;
}

/** Milliseconds until it is tried again to listen, at first and at most. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/**
 * Listens to remote control (kombu/pidbox.py, celery/worker/pidbox.py): the node's own queue at the fanout exchange of
 * requests. A request that cannot be read is logged, and the next one is heard all the same.
 */
export class RemoteControl {
  /** Resolves when it hears requests, or could not at first. */
  readonly ready: Promise<void>;
  readonly #host: ControlHost;
  readonly #options: RemoteControlOptions;
  readonly #ready = deferred();
  readonly #closing = new AbortController();
  readonly #listening: Promise<void>;
  #consumer: Consumer | undefined;
  /** Commands whose answers are not out yet. */
  readonly #running = new Set<Promise<void>>();

  constructor(host: ControlHost, options: RemoteControlOptions) {
    this.#host = host;
    this.#options = options;
    this.ready = this.#ready.promise;
    this.#listening = this.#listen();
  }

  /** Hears nothing more, after the answers under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#consumer?.close();
    await this.#listening;
    await Promise.all(this.#running);
  }

  /** What the broker refuses now it may allow later: on RabbitMQ the queue of a node that seems to be there already. */
  async #listen(): Promise<void> {
    const { hostname, logger } = this.#host;
    const { signal } = this.#closing;
    for (let wait = FIRST_WAIT; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        await this.#read();
      } catch (error) {
        this.#ready.resolve();
        logger.error(`remote control is not heard; the next attempt is in ${wait / 1000} s`, { hostname, error });
        await sleep(wait, signal).catch(() => undefined);
      }
    }
  }

  async #read(): Promise<void> {
    const { hostname, logger } = this.#host;
    const queue = controlQueue(hostname, { name: this.#options.config.controlExchange });
    this.#consumer = this.#options.broker.consume([queue], {
      noAck: true,
      onConnected: () => this.#ready.resolve(),
      onUndecodable: (error) => logger.error("a remote control message could not be read", { error }),
    });
    for await (const delivery of this.#consumer) this.#take(delivery);
  }

  #take({ message }: Delivery): void {
    const { clock, hostname, logger } = this.#host;
    let request: ControlRequest;
    try {
      clock.adjust(message.headers.clock);
      request = decodeControlRequest(message, this.#options.accept);
      if (!matchesNode(request, hostname)) return;
    } catch (error) {
      logger.error("a remote control request could not be read", { hostname, error });
      return;
    }
    const work = this.#answer(request)
      .catch((error: unknown) => logger.warn("a remote control reply could not be sent", { hostname, error }))
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  async #answer(request: ControlRequest): Promise<void> {
    this.#host.logger.debug(`pidbox received method ${request.method}`, { ...request.arguments });
    const value = await runCommand(this.#host, request.method, request.arguments);
    if (value === NO_REPLY || !request.replyTo) return;
    const { exchange: name, routingKey } = request.replyTo;
    await this.#options.publisher.send(this.#reply(request, value), {
      destination: { exchange: exchange(name, { durable: false }), routingKey },
      declare: [],
      // Who asked may have stopped waiting.
      mandatory: false,
    });
  }

  #reply({ ticket }: ControlRequest, value: unknown): ReturnType<typeof encodeControlReply> {
    const { hostname, clock } = this.#host;
    const options = { ticket, clock: clock.forward(), serializer: this.#options.config.taskSerializer };
    try {
      return encodeControlReply(hostname, value, options);
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      return encodeControlReply(hostname, nok(`EncodeError(${exactRepr(error.message)})`), options);
    }
  }
}

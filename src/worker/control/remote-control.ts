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

/**
 * Listens to remote control (kombu/pidbox.py, celery/worker/pidbox.py): the node's own queue at the fanout exchange of
 * requests. A request that cannot be read is logged, and the next one is heard all the same.
 */
export class RemoteControl {
  /** Resolves when it hears requests, or never will. */
  readonly ready: Promise<void>;
  readonly #host: ControlHost;
  readonly #options: RemoteControlOptions;
  readonly #consumer: Consumer;
  readonly #reading: Promise<void>;
  /** Commands whose answers are not out yet. */
  readonly #running = new Set<Promise<void>>();

  constructor(host: ControlHost, options: RemoteControlOptions) {
    this.#host = host;
    this.#options = options;
    const queue = controlQueue(host.hostname, { name: options.config.controlExchange });
    const connected = deferred();
    this.#consumer = options.broker.consume([queue], {
      noAck: true,
      onConnected: () => connected.resolve(),
      onUndecodable: (error) => host.logger.error("a remote control message could not be read", { error }),
    });
    this.#reading = this.#read();
    this.ready = Promise.race([connected.promise, this.#reading]);
  }

  /** Hears nothing more, after the answers under way. */
  async close(): Promise<void> {
    await this.#consumer.close();
    await this.#reading;
    await Promise.all(this.#running);
  }

  async #read(): Promise<void> {
    try {
      for await (const delivery of this.#consumer) this.#take(delivery);
    } catch (error) {
      this.#host.logger.error("this worker does not hear remote control any more", {
        hostname: this.#host.hostname,
        error,
      });
    }
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

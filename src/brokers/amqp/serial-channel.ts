import type { Channel } from "amqplib";
import { replyCode } from "./errors.js";
import type { Link } from "./link.js";

/**
 * A channel for questions that the server may answer by closing it (is there such a queue?). One question at a time,
 * so that a refusal hits nobody else; after a refusal the next question opens a new channel.
 */
export class SerialChannel {
  #channel: Channel | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(readonly link: Link) {}

  run<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => this.#ask(use));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #ask<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#open();
    try {
      return await use(channel);
    } catch (error) {
      // When the question itself could not be written, amqplib goes on waiting for its answer: no further one would
      // ever be sent on this channel.
      if (replyCode(error) === undefined && this.#channel === channel) {
        this.#channel = undefined;
        channel.close().catch(() => undefined);
      }
      throw error;
    }
  }

  async #open(): Promise<Channel> {
    if (this.#channel) return this.#channel;
    const channel = await this.link.channel();
    channel.on("close", () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    return (this.#channel = channel);
  }
}

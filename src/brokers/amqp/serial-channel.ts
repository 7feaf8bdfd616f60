import type { Channel } from "amqplib";
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
    const result = this.#tail.then(async () => use(await this.#open()));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #open(): Promise<Channel> {
    if (this.#channel) return this.#channel;
    const channel = await this.link.channel();
    channel.on("close", () => (this.#channel = undefined));
    return (this.#channel = channel);
  }
}

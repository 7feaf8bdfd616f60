import { decodeEnvelope } from "../../protocol/envelope.js";
import type { Message } from "../../protocol/message.js";
import type { Delivery, DeliveryInfo } from "../broker.js";
import type { Taken } from "./store.js";

/** What a delivery needs of its consumer. */
export interface Settler<R> {
  settled(delivery: VirtualDelivery<R>, how: "ack" | "drop" | "requeue" | "release"): Promise<void>;
}

export class VirtualDelivery<R> implements Delivery {
  readonly taken: Taken<R>;
  readonly info: DeliveryInfo;
  readonly tag: string;
  readonly #settler: Settler<R>;
  #message: Message | null;

  constructor(settler: Settler<R>, taken: Taken<R>, message: Message, info: DeliveryInfo, tag: string) {
    this.#settler = settler;
    this.taken = taken;
    this.#message = message;
    this.info = info;
    this.tag = tag;
  }

  get message(): Message {
    return this.#message ?? decodeEnvelope(this.taken.text).message;
  }

  get queue(): string {
    return this.taken.queue;
  }

  park(): void {
    this.#message = null;
  }

  ack(): Promise<void> {
    return this.#settler.settled(this, "ack");
  }

  reject(options: { readonly requeue: boolean }): Promise<void> {
    return this.#settler.settled(this, options.requeue ? "requeue" : "drop");
  }

  release(): Promise<void> {
    return this.#settler.settled(this, "release");
  }
}

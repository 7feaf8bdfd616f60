import { encodeEnvelope } from "../src/protocol/envelope.js";
import type { Message } from "../src/protocol/message.js";

/** One question to Python, and what its answer has to be (or the part of it that `pick` takes). */
export interface Case {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
  readonly pick?: (answer: unknown) => unknown;
}

export type Fields = Record<string, unknown>;

export const ID = "8bf4f0b0-0000-4000-8000-000000000001";
export const OTHER = "8bf4f0b0-0000-4000-8000-000000000002";
export const GROUP = "8bf4f0b0-0000-4000-8000-000000000003";

export const envelope = (message: Message): string =>
  encodeEnvelope(message, { exchange: "", routingKey: "celery" }, { deliveryTag: "tag-1" });

export const only =
  (names: readonly string[]) =>
  (answer: unknown): unknown =>
    Object.fromEntries(names.map((name) => [name, (answer as Fields)[name]]));

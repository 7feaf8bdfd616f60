import type { Message } from "./message.js";

/** Headers of this library's own; nothing that begins so is passed on to a task or to its next attempt. */
export const OWN_HEADERS = "x-celeriac-";

/** How often the message was started again after it had come back. */
const COUNT = `${OWN_HEADERS}redeliveries`;
/** On a message that was taken out: why, how often it had come back, when (ISO text), and the queue it was in. */
const DEATH = {
  reason: `${OWN_HEADERS}death-reason`,
  count: `${OWN_HEADERS}death-count`,
  time: `${OWN_HEADERS}death-time`,
  queue: `${OWN_HEADERS}death-queue`,
};

export interface Death {
  readonly reason: string;
  readonly count: number;
  /** ISO text. */
  readonly time: string;
  readonly queue: string;
}

/** 0 for a message that does not say. */
export function redeliveryCount({ headers }: Message): number {
  const count = Number(headers[COUNT] ?? 0);
  return Number.isInteger(count) && count > 0 ? count : 0;
}

/** The message as it is sent again: new to whoever takes it, with this count. */
export function countedMessage(message: Message, count: number): Message {
  const headers = withoutMarks(message);
  return { ...message, headers: count > 0 ? { ...headers, [COUNT]: count } : headers };
}

/** The message as it goes to the dead letters: as it was sent, for ever, and with its story. */
export function deadMessage(message: Message, death: Death): Message {
  const story = Object.fromEntries(Object.entries(DEATH).map(([field, name]) => [name, death[field as keyof Death]]));
  return {
    ...message,
    headers: { ...withoutMarks(message), ...story },
    properties: { ...message.properties, expiration: undefined },
  };
}

/** The headers without what senders do not write: ours, and the mark that Redis brokers put on what they give again. */
const withoutMarks = ({ headers }: Message): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name !== "redelivered" && !name.startsWith(OWN_HEADERS)),
  );

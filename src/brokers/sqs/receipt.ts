import type { QueueAddress } from "./queues.js";

/** One message in hand. */
export interface SqsReceipt {
  readonly address: QueueAddress;
  readonly handle: string;
  /** How often it was received, this time included. */
  readonly count: number;
  /** Milliseconds of `monotonic()`. */
  readonly receivedAt: number;
  /** Seconds that it stays hidden when it is received or renewed. */
  readonly visibility: number;
  /** When it is to be renewed; Infinity: never again. */
  renewAt: number;
  /** Done, rejected or given back: a renewal that began before leaves it alone. */
  released: boolean;
}

/** Receipts of one queue together: requests are about one queue each. */
export function byQueue<T extends { readonly receipt: SqsReceipt }>(taken: readonly T[]): Map<QueueAddress, T[]> {
  const queues = new Map<QueueAddress, T[]>();
  for (const one of taken) {
    const { address } = one.receipt;
    const others = queues.get(address);
    if (others) others.push(one);
    else queues.set(address, [one]);
  }
  return queues;
}

/** Slices of at most `size`. */
export function* slices<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

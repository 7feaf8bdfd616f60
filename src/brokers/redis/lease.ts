import { isReply } from "../../util/redis/failure.js";
import type { Link } from "../../util/redis/link.js";
import type { Keys } from "./keys.js";
import { RENEW } from "./scripts.js";

/** Most records in one script call. */
const MAX_RENEWALS = 500;

/** What identifies one taking of a message: its record and when it was taken, or last renewed. */
export interface Ticket {
  readonly name: string;
  readonly score: number;
}

/**
 * Our hold on one record. Its score tells our taking from that of a peer who got the same record (and so the same
 * delivery tag) later. A renewal changes the score; while its answer is out, or if it never comes, the record may have
 * either score, so that both are named when it is acknowledged or given back. Whichever is right takes effect.
 */
export class Lease {
  readonly name: string;
  /** Oldest first; more than one while it is not known which one Redis has. */
  #scores: readonly number[];
  /** Settled, given back, or lost: nothing more to renew. */
  #over = false;

  constructor(name: string, score: number) {
    this.name = name;
    this.#scores = [score];
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Ends the lease: what to acknowledge or to give back. */
  end(): readonly Ticket[] {
    this.#over = true;
    return this.tickets;
  }

  get tickets(): readonly Ticket[] {
    return this.#scores.map((score) => ({ name: this.name, score }));
  }

  begin(score: number): void {
    this.#scores = [...this.#scores, score];
  }

  confirmed(score: number): void {
    this.#scores = [score];
  }

  /** The server refused: nothing changed. */
  refused(score: number): void {
    this.#scores = this.#scores.filter((one) => one !== score);
  }
}

/**
 * Renews leases, oldest first: the new scores keep their order.
 *
 * @param now seconds since 1970
 * @returns how many are somebody else's by now
 */
export async function renew(link: Link, keys: Keys, leases: readonly Lease[], now: () => number): Promise<number> {
  let lost = 0;
  for (let start = 0; start < leases.length; start += MAX_RENEWALS) {
    // What was settled meanwhile must not come back to life.
    const some = leases.slice(start, start + MAX_RENEWALS).filter((one) => !one.isOver);
    if (some.length > 0) lost += await renewSome(link, keys, some, now());
  }
  return lost;
}

async function renewSome(link: Link, keys: Keys, leases: readonly Lease[], time: number): Promise<number> {
  const rows = leases.flatMap((lease, index) => {
    const score = time + index * 1e-6;
    const claims = lease.tickets.map((ticket) => ({ lease, score, claim: ticket.score }));
    lease.begin(score);
    return claims;
  });
  let gone: ReadonlySet<number>;
  try {
    const args = rows.flatMap(({ lease, claim, score }) => [lease.name, claim, score]);
    gone = new Set((await link.run(RENEW, [keys.unackedIndex], args)) as number[]);
  } catch (error) {
    if (error instanceof Error && isReply(error.cause)) for (const { lease, score } of rows) lease.refused(score);
    throw error;
  }
  const renewed = new Set(rows.filter((_, index) => !gone.has(index + 1)).map(({ lease }) => lease));
  let lost = 0;
  for (const { lease, score } of rows)
    if (renewed.has(lease)) lease.confirmed(score);
    else if (!lease.isOver) {
      lease.end();
      lost++;
    }
  return lost;
}

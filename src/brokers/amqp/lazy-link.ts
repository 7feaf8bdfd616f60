import { type CeleryError, OperationalError } from "../../errors.js";
import type { Endpoint } from "./endpoint.js";
import type { Link } from "./link.js";

/** The addresses of one broker and where to begin: every failure moves on to the next one (kombu's failover). */
export class Failover {
  #current = 0;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly strategy: "round-robin" | "shuffle",
  ) {}

  /** Opens a link to the first address that answers; rejects after one attempt at each. */
  async open(connect: (endpoint: Endpoint) => Promise<Link>, signal: AbortSignal): Promise<Link> {
    const { length } = this.endpoints;
    const order = Array.from({ length }, (_, step) => (this.#current + step) % length);
    if (this.strategy === "shuffle") shuffle(order);
    const errors: CeleryError[] = [];
    for (const index of order) {
      this.#current = index;
      try {
        return await connect(this.endpoints[index] as Endpoint);
      } catch (error) {
        if (signal.aborted) throw error;
        errors.push(error as CeleryError);
      }
    }
    this.#current = (this.#current + 1) % length;
    const [only] = errors;
    if (only && errors.length === 1) throw only;
    throw new OperationalError(`no broker could be reached: ${errors.map((error) => error.message).join("; ")}`, {
      cause: new AggregateError(errors),
      retriable: errors.some((error) => error.retriable),
    });
  }
}

function shuffle(list: number[]): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [list[last], list[other]] = [list[other] as number, list[last] as number];
  }
}

/** A connection that opens when it is first needed, and again after it was lost. */
export class LazyLink {
  #current: Link | undefined;
  #opening: Promise<Link> | undefined;
  #closed: CeleryError | undefined;
  readonly #abort = new AbortController();

  constructor(private readonly connect: (signal: AbortSignal) => Promise<Link>) {}

  /** The open connection, if there is one at this moment. */
  get current(): Link | undefined {
    return this.#current?.lost ? undefined : this.#current;
  }

  /** The open connection; callers at the same time share one attempt. */
  get(): Promise<Link> {
    if (this.#closed) return Promise.reject(this.#closed);
    const { current } = this;
    if (current) return Promise.resolve(current);
    return (this.#opening ??= this.connect(this.#abort.signal)
      .then((link) => (this.#current = link))
      .finally(() => (this.#opening = undefined)));
  }

  async close(error: CeleryError, seconds: number): Promise<void> {
    this.#closed = error;
    this.#abort.abort(error);
    await this.#opening?.catch(() => undefined);
    await this.#current?.close(seconds);
  }
}

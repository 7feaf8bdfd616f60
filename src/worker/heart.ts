import { loadavg, type as systemName } from "node:os";
import type { WorkerEventFields } from "../protocol/event.js";
import { type Timer, every } from "../util/time.js";
import type { EventDispatcher } from "./events.js";
import { VERSION } from "../util/version.js";

/** Tells monitors that the worker lives (celery/worker/heartbeat.py). */
export class Heart {
  readonly #events: EventDispatcher;
  readonly #interval: number;
  readonly #counts: () => { readonly active: number; readonly processed: number };
  #timer: Timer | undefined;

  /** `interval` in seconds; 0 for never. */
  constructor(
    events: EventDispatcher,
    interval: number,
    counts: () => { readonly active: number; readonly processed: number },
  ) {
    this.#events = events;
    this.#interval = interval;
    this.#counts = counts;
  }

  start(): void {
    if (this.#interval === 0) return;
    this.#events.worker("worker-online", this.#fields());
    this.#timer = every(this.#interval * 1000, () => this.#events.worker("worker-heartbeat", this.#fields()));
  }

  /** One beat more, when somebody asks for it (celery/worker/control.py `heartbeat`). */
  beat(): void {
    this.#events.worker("worker-heartbeat", { ...this.#fields(), freq: 5 });
  }

  stop(): void {
    if (!this.#timer) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#events.worker("worker-offline", this.#fields());
  }

  #fields(): WorkerEventFields {
    return {
      freq: this.#interval,
      ...this.#counts(),
      loadavg: loadavg().map((load) => Math.round(load * 100) / 100),
      ...{ sw_ident: "celeriac", sw_ver: VERSION, sw_sys: systemName() },
    };
  }
}

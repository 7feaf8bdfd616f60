import type { LamportClock } from "../client/clock.js";
import { type EventDocument, type EventFields, type EventType, encodeEvent } from "../protocol/event.js";
import { eventBatchRoutingKey, eventDocument, eventGroup, eventRoutingKey } from "../protocol/event.js";
import type { Message } from "../protocol/message.js";
import type { Logger } from "../util/logger.js";
import type { Request } from "./request.js";

/** What the dispatcher needs of the worker. */
export interface EventHost {
  readonly hostname: string;
  readonly clock: LamportClock;
  readonly serializer: string;
  readonly logger: Logger;
  publish(message: Message, routingKey: string): Promise<void>;
}

type TaskEvent = Extract<EventType, `task-${string}`>;
type WorkerEvent = Extract<EventType, `worker-${string}`>;

/**
 * Most task events in one message. Celery stops at 24 (celery/events/dispatcher.py); whoever listens takes any number,
 * and each message costs as much as a task.
 */
const BATCH = 240;

/** Most events that wait for a broker that is slow to take them: later ones are dropped, and counted. */
const MOST_WAITING = 50_000;

/** Tells monitors what happens here (celery/events/dispatcher.py). What cannot be sent is dropped, and costs no task anything. */
export class EventDispatcher {
  /** Whether task events are sent (`-E`). */
  enabled: boolean;
  readonly #host: EventHost;
  #buffer: EventDocument[] = [];
  #scheduled = false;
  /** What is in the buffer has its place among those being sent. */
  #queued = false;
  #sending: Promise<void> = Promise.resolve();
  #dropped = 0;

  constructor(host: EventHost, enabled: boolean) {
    this.#host = host;
    this.enabled = enabled;
  }

  /** Notes an event of a task: it goes out with others at the end of this turn of the event loop. */
  task<T extends TaskEvent>(
    type: T,
    request: Pick<Request, "id" | "sendsEvents">,
    fields: Omit<EventFields[T], "uuid">,
  ): void {
    if (!this.enabled || !request.sendsEvents) return;
    if (this.#buffer.length >= MOST_WAITING) return void this.#dropped++;
    this.#buffer.push(this.#document(type, { uuid: request.id, ...fields } as unknown as EventFields[T]));
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** Sends an event of the worker. */
  worker<T extends WorkerEvent>(type: T, fields: EventFields[T]): void {
    this.#send(this.#document(type, fields), eventRoutingKey(type));
  }

  /** Resolves when all that happened so far is sent, or could not be. */
  flush(): Promise<void> {
    this.#flush();
    return this.#sending;
  }

  #document<T extends EventType>(type: T, fields: EventFields[T]): EventDocument {
    const { hostname, clock } = this.#host;
    return eventDocument(type, fields, { hostname, clock: clock.forward() });
  }

  /** What comes while a message is on its way joins the next one: the busier the worker, the fewer messages. */
  #flush(): void {
    if (this.#queued || this.#buffer.length === 0) return;
    this.#queued = true;
    this.#sending = this.#sending.then(async () => {
      this.#queued = false;
      const events = this.#buffer;
      this.#buffer = [];
      this.#tellDropped();
      for (let start = 0; start < events.length; start += BATCH)
        await this.#publish(events.slice(start, start + BATCH), eventBatchRoutingKey(eventGroup("task-")));
    });
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const { logger, hostname } = this.#host;
    logger.warn(`${this.#dropped} events were dropped: the broker took none for too long`, { hostname });
    this.#dropped = 0;
  }

  /** One after the other: an event never overtakes an earlier one. */
  #send(event: EventDocument, routingKey: string): void {
    this.#flush();
    this.#sending = this.#sending.then(() => this.#publish(event, routingKey));
  }

  async #publish(events: EventDocument | readonly EventDocument[], routingKey: string): Promise<void> {
    const { hostname, serializer, logger } = this.#host;
    try {
      await this.#host.publish(encodeEvent(events, { hostname, serializer, plain: true }), routingKey);
    } catch (error) {
      logger.debug("events could not be sent", { error });
    }
  }
}

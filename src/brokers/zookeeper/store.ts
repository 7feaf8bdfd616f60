import { PublishError } from "../../errors.js";
import { after } from "../../util/time.js";
import type { MessageSource, MessageStore, PutOptions, Route, SourceEvents } from "../virtual/store.js";
import { PERSISTENT_SEQUENTIAL } from "./client.js";
import { NO_NODE, NOT_EMPTY, answerOf } from "./failure.js";
import type { Receipt } from "./give-back.js";
import { Link, ensureNode } from "./link.js";
import type { Place } from "./place.js";
import { entryPrefix, isEntry, maxData } from "./recipe.js";
import type { Session } from "./session.js";
import { ZooKeeperSource } from "./source.js";

/** Removals on their way at a time, so that purging a large queue holds up nothing else for long. */
const AT_ONCE = 256;

/** The sending side: one connection for everything but consuming. */
export class ZooKeeperStore implements MessageStore<Receipt> {
  readonly #place: Place;
  readonly #link: Link;
  readonly #puts = new Set<Promise<void>>();

  constructor(place: Place) {
    this.#place = place;
    this.#link = new Link(place.servers, place.session, () => undefined);
  }

  async connect(): Promise<void> {
    await this.#link.session();
  }

  /** Declaring a queue makes its node, as kombu does. */
  async bind(exchange: string, route: Route): Promise<void> {
    const path = this.#place.paths.queue(route.queue);
    await this.#link.call(`making ${path} on`, (session) => ensureNode(session, path));
    this.#place.bindings.bind(exchange, route);
  }

  async unbind(exchange: string, route: Route): Promise<void> {
    this.#place.bindings.unbind(exchange, route);
  }

  async routes(exchange: string): Promise<readonly Route[]> {
    return this.#place.bindings.routes(exchange);
  }

  put(queue: string, text: string, { priority }: PutOptions): Promise<void> {
    const put = this.#put(queue, text, priority);
    const settled = put.catch(() => undefined).finally(() => this.#puts.delete(settled));
    this.#puts.add(settled);
    return put;
  }

  async size(queue: string): Promise<number> {
    const path = this.#place.paths.queue(queue);
    const stat = await this.#link.call(`looking at ${path} on`, (session) => session.exists(path));
    return stat?.numChildren ?? 0;
  }

  async purge(queue: string): Promise<number> {
    const path = this.#place.paths.queue(queue);
    return this.#link.call(`purging ${path} on`, (session) => purge(session, path));
  }

  async remove(queue: string): Promise<void> {
    const path = this.#place.paths.queue(queue);
    await this.#link.call(`removing ${path} on`, async (session) => {
      await purge(session, path);
      // A message that comes in between keeps its queue.
      await unless([NO_NODE, NOT_EMPTY], session.remove(path));
    });
  }

  source(events: SourceEvents): MessageSource<Receipt> {
    return new ZooKeeperSource(this.#place, events);
  }

  async close(): Promise<void> {
    // A server that went silent must not keep the program from ending.
    const timer = after(this.#place.session.connectTimeout, () => this.#link.reset());
    await Promise.all(this.#puts);
    await this.#link.close();
    timer.cancel();
  }

  async #put(queue: string, text: string, priority: number): Promise<void> {
    const path = this.#place.paths.queue(queue);
    const name = `${path}/${entryPrefix(priority)}`;
    const data = Buffer.from(text);
    const most = maxData(name, this.#place.settings.maxBuffer);
    if (data.length > most)
      throw new PublishError(
        `a message for queue ${JSON.stringify(queue)} has ${data.length} bytes with its envelope, ZooKeeper at ` +
          `${this.#link.displayUrl} takes ${most}: send a reference to the data instead; or raise jute.maxbuffer of ` +
          `all servers and clients, and tell it here by the transport option jute_maxbuffer (at most 1 MiB is possible)`,
      );
    await this.#link.call(`putting into ${path} on`, async (session) => {
      try {
        await session.create(name, data, PERSISTENT_SEQUENTIAL);
      } catch (error) {
        if (answerOf(error) !== NO_NODE) throw error;
        await ensureNode(session, path);
        await session.create(name, data, PERSISTENT_SEQUENTIAL);
      }
    });
  }
}

/** Removes what waits now; a missing queue is an empty one. */
async function purge(session: Session, path: string): Promise<number> {
  let names: string[] = [];
  await unless(
    [NO_NODE],
    session.children(path).then((children) => (names = children.names.filter(isEntry))),
  );
  let count = 0;
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const removals = names.slice(start, start + AT_ONCE).map(async (name) => {
      // What another one has taken meanwhile is not ours to count.
      if (await unless([NO_NODE], session.remove(`${path}/${name}`))) count++;
    });
    await Promise.all(removals);
  }
  return count;
}

/** Whether it was done: false when the server answered with one of these. */
async function unless(answers: readonly number[], work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    const answer = answerOf(error);
    if (answer !== undefined && answers.includes(answer)) return false;
    throw error;
  }
}

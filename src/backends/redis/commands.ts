import type { Deferred } from "../../util/deferred.js";
import { deferred } from "../../util/deferred.js";
import type { Link } from "../../util/redis/link.js";
import type { RedisCommand, RedisReply, RedisSession } from "../../util/redis/session.js";

interface Answer {
  readonly session: RedisSession;
  readonly replies: readonly RedisReply[];
}

interface Request {
  readonly commands: readonly RedisCommand[];
  readonly bytes: number;
  readonly answer: Deferred<Answer>;
}

/** Bytes after which a write is cut: a batch is one piece of memory. */
const WRITE_LIMIT = 4 * 1024 * 1024;

/**
 * Commands of all callers on one connection. What is asked for in one turn of the event loop goes out in one write;
 * the commands of one caller stay together, so a MULTI is not mixed with others.
 */
export class Commands {
  readonly #link: Link;
  #waiting: Request[] = [];

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * One answer per command.
   *
   * @throws OperationalError when the connection cannot be made or is lost, or when the server refuses a command
   */
  async run(attempt: string, commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    const answer = deferred<Answer>();
    if (this.#waiting.push({ commands, bytes: size(commands), answer }) === 1) setImmediate(() => void this.#flush());
    const { session, replies } = await answer.promise;
    for (const reply of replies) {
      // EXEC answers with a list in which each command has its own outcome.
      const error = reply instanceof Array ? reply.find((one) => one instanceof Error) : reply;
      if (error instanceof Error) throw this.#link.failed(session, `${attempt} on`, error);
    }
    return replies;
  }

  async #flush(): Promise<void> {
    const requests = this.#waiting;
    this.#waiting = [];
    try {
      const session = await this.#link.session();
      for (const batch of batches(requests)) {
        session
          .run(batch.flatMap((request) => request.commands))
          .then((replies) => distribute(batch, session, replies))
          .catch((error: unknown) => refuse(batch, this.#link.failed(session, "a command on", error)));
      }
    } catch (error) {
      refuse(requests, error);
    }
  }
}

function distribute(batch: readonly Request[], session: RedisSession, replies: readonly RedisReply[]): void {
  let at = 0;
  for (const { answer, commands } of batch)
    answer.resolve({ session, replies: replies.slice(at, (at += commands.length)) });
}

function refuse(batch: readonly Request[], error: unknown): void {
  for (const request of batch) request.answer.reject(error);
}

function batches(requests: readonly Request[]): Request[][] {
  const result: Request[][] = [];
  let bytes = Infinity;
  for (const request of requests) {
    if (bytes + request.bytes > WRITE_LIMIT) {
      result.push([]);
      bytes = 0;
    }
    result.at(-1)?.push(request);
    bytes += request.bytes;
  }
  return result;
}

function size(commands: readonly RedisCommand[]): number {
  let bytes = 0;
  for (const command of commands)
    for (const argument of command) bytes += typeof argument === "number" ? 8 : argument.length;
  return bytes;
}

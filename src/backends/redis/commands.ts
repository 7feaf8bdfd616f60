import type { Deferred } from "../../util/deferred.js";
import { deferred } from "../../util/deferred.js";
import type { Connection } from "./connection.js";
import { redisError } from "./errors.js";
import type { RedisCommand, RedisReply } from "./session.js";

interface Request {
  readonly commands: readonly RedisCommand[];
  readonly bytes: number;
  readonly replies: Deferred<readonly RedisReply[]>;
}

/** Bytes after which a write is cut: a batch is one piece of memory. */
const WRITE_LIMIT = 4 * 1024 * 1024;

/**
 * Commands of all callers on one connection. What is asked for in one turn of the event loop goes out in one write;
 * the commands of one caller stay together, so a MULTI is not mixed with others.
 */
export class Commands {
  readonly #connection: Connection;
  readonly #displayUrl: string;
  #waiting: Request[] = [];

  constructor(connection: Connection, displayUrl: string) {
    this.#connection = connection;
    this.#displayUrl = displayUrl;
  }

  /**
   * One answer per command.
   *
   * @throws OperationalError when the connection cannot be made or is lost, or when the server refuses a command
   */
  async run(attempt: string, commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    const replies = deferred<readonly RedisReply[]>();
    if (this.#waiting.push({ commands, bytes: size(commands), replies }) === 1) setImmediate(() => void this.#flush());
    let answers: readonly RedisReply[];
    try {
      answers = await replies.promise;
    } catch (error) {
      throw redisError(error, attempt, this.#displayUrl);
    }
    for (const answer of answers) {
      // EXEC answers with a list in which each command has its own outcome.
      const error = answer instanceof Array ? answer.find((one) => one instanceof Error) : answer;
      if (error instanceof Error) throw redisError(error, attempt, this.#displayUrl);
    }
    return answers;
  }

  async #flush(): Promise<void> {
    const requests = this.#waiting;
    this.#waiting = [];
    try {
      const session = await this.#connection.session();
      for (const batch of batches(requests)) {
        session
          .run(batch.flatMap((request) => request.commands))
          .then((replies) => distribute(batch, replies))
          .catch((error: unknown) => refuse(batch, error));
      }
    } catch (error) {
      refuse(requests, error);
    }
  }
}

function distribute(batch: readonly Request[], replies: readonly RedisReply[]): void {
  let at = 0;
  for (const request of batch) request.replies.resolve(replies.slice(at, (at += request.commands.length)));
}

function refuse(batch: readonly Request[], error: unknown): void {
  for (const request of batch) request.replies.reject(error);
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

import { ImproperlyConfigured } from "../../errors.js";

/**
 * The queue of kazoo (kazoo/recipe/queue.py `Queue`) as kombu uses it (kombu/transport/zookeeper.py): a queue is a
 * node, a message is a child of it called `entry-<priority>-<sequence>`. Names are served in the order of their text.
 */
export class Paths {
  readonly #vhost: string;

  /** @throws ImproperlyConfigured when the virtual host cannot be a path */
  constructor(vhost: string) {
    this.#vhost = vhost === "" ? "" : `/${checkPath("virtual host", vhost)}`;
  }

  /** @throws ImproperlyConfigured for a name that cannot be part of a path */
  queue(name: string): string {
    const path = `${this.#vhost}/${checkPath("queue", name)}`;
    if (path === "/zookeeper" || path.startsWith("/zookeeper/"))
      throw new ImproperlyConfigured(
        `ZooKeeper keeps /zookeeper for itself, so ${path} cannot be a queue: choose another name or virtual host`,
      );
    return path;
  }
}

/**
 * What the server takes as a path: parts between slashes, none of them empty, `.` or `..`, without control, private
 * and special characters, and without any beyond 16 bits (it looks at their halves).
 */
// eslint-disable-next-line no-control-regex
export const NAME = /^(?!(?:.*\/)?\.{0,2}(?:\/|$))[^\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]+$/;

function checkPath(what: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new ImproperlyConfigured(
    `ZooKeeper cannot have the ${what} ${JSON.stringify(name)}: it becomes a path, so it needs one or more parts ` +
      `between slashes, none of them empty, "." or "..", without control characters, private ones and emoji`,
  );
}

const PREFIX = "entry-";

/** Whether a child of a queue is a message. */
export const isEntry = (name: string): boolean => name.startsWith(PREFIX);

/** The beginning of a message's name: the highest priority comes first. The server adds the sequence. */
export const entryPrefix = (priority: number): string => `${PREFIX}${String(9 - priority).padStart(3, "0")}-`;

/** The beginning of the name that a message had: the same priority again. */
export const prefixOf = (name: string): string => name.slice(0, name.lastIndexOf("-") + 1);

/** Digits that the server appends. */
const SEQUENCE = 10;
/** Largest data that node-zookeeper-client sends. */
const CLIENT_LIMIT = 1_048_576;

/**
 * Bytes that an entry's data may have so that the request that creates it, as a packet, is within the server's
 * `jute.maxbuffer`: 8 of header, 4 of each length of path and data, 27 of the ACL, 4 of the mode. What the server
 * records, and answers a reader with, is the path and the data with less around them; yet the sequence counts.
 */
export function maxData(path: string, maxBuffer: number): number {
  const around = 8 + 4 + Buffer.byteLength(path) + SEQUENCE + 4 + 27 + 4;
  return Math.min(maxBuffer - around, CLIENT_LIMIT);
}

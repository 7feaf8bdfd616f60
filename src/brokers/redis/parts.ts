import type { Logger } from "../../util/logger.js";
import type { Addresses } from "../../util/lazy-connection.js";
import type { Connect, Endpoint } from "../../util/redis/session.js";
import type { Keys } from "./keys.js";
import type { RedisSettings } from "./settings.js";

/** What the sending and the reading side of one broker share. */
export interface RedisParts {
  readonly addresses: Addresses<Endpoint>;
  readonly connect: Connect;
  readonly keys: Keys;
  readonly settings: RedisSettings;
  readonly logger: Logger;
}

/** For users that lack some. */
export const RIGHTS = "the rights that a broker's user needs stand in the Redis section of docs/brokers.md";

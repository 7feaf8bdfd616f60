import type { Addresses } from "../../util/lazy-connection.js";
import type { Endpoint } from "./url.js";
import type { Logger } from "../../util/logger.js";
import type { LocalBindings } from "../virtual/local-bindings.js";
import type { Paths } from "./recipe.js";
import type { SessionSettings } from "./session.js";
import type { ZooKeeperSettings } from "./settings.js";

/** What the two sides of one broker share. */
export interface Place {
  readonly servers: Addresses<Endpoint>;
  readonly paths: Paths;
  readonly settings: ZooKeeperSettings;
  readonly session: SessionSettings;
  /** Known to this process alone. */
  readonly bindings: LocalBindings;
  readonly logger: Logger;
}

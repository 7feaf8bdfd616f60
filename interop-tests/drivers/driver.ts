import type { Backend } from "../../src/backends/backend.js";
import type { CeleryOptions } from "../../src/index.js";
import type { Server, ServerKind } from "../servers/index.js";

/** Where a driver finds its server, with the server's own ways to be hurt. */
export interface Place {
  /** Our URL; options under Celery's names. */
  readonly url: string;
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** Settings of the application that say where the place is, when the URL does not; Python gets the same. */
  readonly settings?: Partial<CeleryOptions>;
  /** The same place for a Python process, or null where no other process can reach it. */
  readonly python: { readonly url: string; readonly transportOptions: Readonly<Record<string, unknown>> } | null;
  /** The server behind it, when there is one. */
  readonly server: Server | null;
  /** Removes what the place keeps (folders); the server itself is its owner's to stop. */
  close(): Promise<void>;
}

/** How `interop-tests/bad-input` asks for a place wrongly, where its URL alone does not say it; null: it cannot be wrong. */
export interface BadInput {
  /** The same server with another password, which it refuses. Default: in the URL. */
  readonly password?: ((place: Place, password: string) => Place) | null;
  /** The same with a port on which nobody listens. Default: in the URL. */
  readonly port?: ((place: Place, port: number) => Place) | null;
  /** The same with an option of this name and value, which nobody knows. Default: a parameter of the URL. */
  readonly option?: ((place: Place, name: string, value: string) => Place) | null;
}

export interface BrokerDriver {
  readonly name: string;
  /** The kind of server it needs; null for none. */
  readonly server: ServerKind | null;
  /** The result backend that it is tested with, by its name in `backends.ts`. Every pair is part of `npm run matrix`. */
  readonly results: string;
  /** An empty place of its own: with the given server, or the one shared by the whole run. */
  prepare(server?: Server): Promise<Place>;
  /** A part of the URL that must never be seen in an error or a log line. */
  readonly secret?: string;
  /** Puts something into a queue that is no message of kombu's, where the medium allows that. */
  readonly poison?: (place: Place, queue: string) => Promise<void>;
  readonly bad?: BadInput;
}

export interface BackendDriver {
  readonly name: string;
  readonly server: ServerKind | null;
  /** For backends that answer through the broker: the broker's name in `brokers.ts`. */
  readonly over?: string;
  /** Celery before 5.7 pickles what this store keeps, whatever the serializer, and keeps no children there. */
  readonly pickles?: boolean;
  prepare(server?: Server): Promise<Place>;
  /** A part of the URL that must never be seen in an error or a log line. */
  readonly secret?: string;
  /** The settings that make results go away after so many seconds, where that is not `resultExpires`. */
  readonly expiry?: (seconds: number | null) => Partial<CeleryOptions>;
  /** Puts bytes where `reader` looks for a task's result. `place` is the broker's for backends that go through one. */
  readonly corrupt?: (place: Place, reader: Backend, taskId: string, bytes: Uint8Array) => Promise<void>;
  readonly bad?: BadInput;
}

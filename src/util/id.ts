import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

/** A new task, group or delivery id, as Celery makes them. */
export const newId = (): string => randomUUID();

/** The sender's node name, as in Celery's `origin` header. */
export const originName = (): string => `gen${process.pid}@${hostname()}`;

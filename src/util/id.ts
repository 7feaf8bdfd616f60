import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { v5 } from "uuid";

/** A new task, group or delivery id, as Celery makes them. */
export const newId = (): string => randomUUID();

/** The sender's node name, as in Celery's `origin` header. */
export const originName = (): string => `gen${process.pid}@${hostname()}`;

/** kombu's `oid_from` names the queue of one sender below this namespace (RFC 9562's OID namespace). */
const OID_NAMESPACE = "6ba7b812-9dad-11d1-80b4-00c04fd430c8";

/** An object id as kombu makes them, from the machine, the process and something unique in it. */
export const newOid = (): string => v5(`${hostname()}-${process.pid}-${randomUUID()}`, OID_NAMESPACE);

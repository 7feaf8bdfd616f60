import { InvalidTaskError } from "../errors.js";
import { hasOffset, isoTime, parseIsoTime } from "./iso-time.js";
import { isMapping, shown } from "./reading.js";
import { NO_LIMITS } from "./task-request.js";
import { DateTime } from "./values.js";

/** Says which field of a message is no task's, what it is and what it should be. */
export type Fail = (field: string, value: unknown, expected: string, cause?: unknown) => never;

export function failure(id: unknown): Fail {
  const taskId = typeof id === "string" && id !== "" ? id : null;
  return (field, value, expected, cause) => {
    const reason = cause instanceof Error ? cause.message : `${field} is ${shown(value)}; expected ${expected}`;
    const whose = taskId === null ? "of a task message" : `of task ${taskId}`;
    throw new InvalidTaskError(`invalid ${field} ${whose}: ${reason}`, { field, taskId }, { cause });
  };
}

/** Reads header fields as leniently as Python does; missing and null are the same. */
export interface FieldReader {
  /** An id: a text, or a number as text. */
  text(name: string): string | null;
  /** Something for people: anything but a text counts as missing. */
  label(name: string): string | null;
  integer(name: string): number | null;
  flag(name: string): boolean | null;
  texts(name: string): readonly string[] | null;
  mapping(name: string): Readonly<Record<string, unknown>>;
  /** An ISO text, or a date that a serializer made of one; texts without offset are in `zone`. */
  time(name: string, zone: string): string | null;
  limits(name: string): readonly [hard: number | null, soft: number | null];
}

export function fieldReader(fields: Readonly<Record<string, unknown>>, fail: Fail): FieldReader {
  return {
    text(name) {
      const value = fields[name];
      if (typeof value === "string") return value || null;
      if (value === undefined || value === null) return null;
      if (typeof value === "number" || typeof value === "bigint") return String(value);
      return fail(name, value, "a text or null");
    },
    label(name) {
      const value = fields[name];
      return typeof value === "string" ? value || null : null;
    },
    integer(name) {
      const value = fields[name];
      if (value === undefined || value === null) return null;
      const number = toNumber(value);
      return Number.isSafeInteger(number) ? number : fail(name, value, "a whole number or null");
    },
    flag(name) {
      const value = fields[name];
      return value === undefined || value === null ? null : Boolean(value);
    },
    texts(name) {
      const value = fields[name];
      if (value === undefined || value === null) return null;
      if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
      return fail(name, value, "an array of texts or null");
    },
    mapping(name) {
      const value = fields[name];
      if (value === undefined || value === null) return {};
      return isMapping(value) ? value : fail(name, value, "an object or null");
    },
    time(name, zone) {
      const value = fields[name];
      if (value === undefined || value === null) return null;
      try {
        if (value instanceof DateTime) return value.iso;
        if (value instanceof Date) return isoTime(value.getTime());
        if (typeof value !== "string") return fail(name, value, "an ISO 8601 text or null");
        const milliseconds = parseIsoTime(value, zone);
        return zone === "UTC" || hasOffset(value) ? value : isoTime(milliseconds, zone);
      } catch (cause) {
        if (cause instanceof InvalidTaskError) throw cause;
        return fail(name, value, "an ISO 8601 text or null", cause);
      }
    },
    limits(name) {
      const value = fields[name];
      if (value === undefined || value === null) return NO_LIMITS;
      const expected = "[hard, soft] in seconds, each a number or null";
      if (!Array.isArray(value) || (value.length !== 2 && value.length !== 0)) return fail(name, value, expected);
      const [hard, soft] = value.map((one: unknown) => {
        const seconds = one === null ? null : toNumber(one);
        return seconds !== null && Number.isNaN(seconds) ? fail(name, one, expected) : seconds;
      });
      return hard === undefined || soft === undefined ? NO_LIMITS : [hard, soft];
    },
  };
}

/** Bodies read with their floats kept have them as objects. */
const toNumber = (value: unknown): number =>
  typeof value === "number" || typeof value === "bigint" || value instanceof Number ? Number(value) : NaN;

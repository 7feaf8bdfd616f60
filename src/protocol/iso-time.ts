import { DecodeError, EncodeError, ImproperlyConfigured } from "../errors.js";

/**
 * ISO 8601 texts as Celery writes them (`eta`, `expires`, `date_done`) and as it reads them (dateutil's isoparse:
 * extended or basic form, `T` or a space, fraction with a point or comma, `Z` or an offset).
 */
const ISO =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d))?|(\d\d)(\d\d))?(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?)?)?$/i;

/**
 * Milliseconds since 1970, with microseconds as their fraction. A text without offset is a time in `timeZone`
 * (IANA name; default UTC). Throws `DecodeError`.
 */
export function parseIsoTime(text: string, timeZone = "UTC"): number {
  const match = ISO.exec(text);
  const wall = match ? fieldsToUtc(match) : NaN;
  const offset = match?.[10] ? offsetOf(match[10]) : 0;
  if (!match || Number.isNaN(wall - offset))
    throw new DecodeError(
      `not a time: ${JSON.stringify(text.slice(0, 64))}; expected ISO 8601 such as "2026-01-02T03:04:05+00:00"`,
    );
  return match[10] || timeZone === "UTC" ? wall - offset : fromLocal(wall, timeZone);
}

/** Whether the text says its offset. */
export const hasOffset = (text: string): boolean => /(?:Z|[T ][^Z]*[+-][\d:.]+)$/i.test(text);

/**
 * The text Python's `datetime.isoformat()` gives: six fraction digits or none, the zone's offset as `+00:00`.
 * Throws `EncodeError` outside the years 1 to 9999, which Python could not read.
 */
export function isoTime(milliseconds: number, timeZone = "UTC"): string {
  const micros = Math.round(milliseconds * 1000);
  const whole = Math.floor(micros / 1000);
  const offset = timeZone === "UTC" ? 0 : zoneOffset(whole, timeZone);
  const date = new Date(whole + offset);
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999))
    throw new EncodeError(`a time outside the years 1 to 9999 cannot be sent: ${milliseconds} ms since 1970`);
  const fraction = micros - Math.floor(micros / 1e6) * 1e6;
  return date.toISOString().slice(0, 19) + (fraction ? `.${String(fraction).padStart(6, "0")}` : "") + sign(offset);
}

function fieldsToUtc(match: RegExpExecArray): number {
  const field = (index: number, otherwise: number): number =>
    match[index] === undefined ? otherwise : Number(match[index]);
  const year = field(1, 0);
  const month = field(2, field(4, 1));
  const day = field(3, field(5, 1));
  const hour = field(6, 0);
  const minute = field(7, 0);
  const second = field(8, 0);
  const fraction = match[9] ? Number(`0.${match[9].slice(0, 6)}`) * 1000 : 0;
  const midnight = hour === 24 && minute === 0 && second === 0 && fraction === 0;
  if (year < 1 || month < 1 || month > 12 || day < 1 || (hour > 23 && !midnight) || minute > 59 || second > 59)
    return NaN;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day) return NaN;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
}

/** Milliseconds east of UTC of a `Z` or `+HH:MM` text; NaN beyond a day. */
function offsetOf(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const digits = zone.replaceAll(/[^\d.]/g, "");
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].map(Number);
  if ((hours ?? 0) > 23 || (minutes ?? 0) > 59) return NaN;
  const size = (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  return zone.startsWith("-") ? -size : size;
}

function sign(offset: number): string {
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** A wall clock reading in the zone, as UTC: the offset is looked up twice because it depends on the answer. */
function fromLocal(wall: number, timeZone: string): number {
  const guess = wall - zoneOffset(wall, timeZone);
  return wall - zoneOffset(guess, timeZone);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Milliseconds east of UTC of a zone at a moment. */
function zoneOffset(milliseconds: number, timeZone: string): number {
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    try {
      formatter = new Intl.DateTimeFormat("en-US", {
        timeZone,
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch (cause) {
      throw new ImproperlyConfigured(
        `unknown time zone ${JSON.stringify(timeZone)}; expected a name such as "Europe/Paris"`,
        { cause },
      );
    }
    formatters.set(timeZone, formatter);
  }
  const parts: Record<string, number> = {};
  for (const part of formatter.formatToParts(milliseconds)) parts[part.type] = Number(part.value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(milliseconds / 1000) * 1000;
}

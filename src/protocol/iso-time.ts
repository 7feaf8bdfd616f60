import { DecodeError, EncodeError, ImproperlyConfigured } from "../errors.js";
import { epochOf, parseIso } from "./iso.js";

/**
 * Milliseconds since 1970, with microseconds as their fraction, of an ISO 8601 text (`eta`, `expires`). Celery reads
 * them with dateutil's isoparse, so the basic form and shortened ones are understood too. A text without offset is a
 * time in `timeZone` (IANA name; default UTC). Throws `DecodeError`.
 */
export function parseIsoTime(text: string, timeZone = "UTC"): number {
  const parts = parseIso(text) ?? parseIso(spelledOut(text));
  if (!parts)
    throw new DecodeError(
      `not a time: ${JSON.stringify(text.slice(0, 64))}; expected ISO 8601 such as "2026-01-02T03:04:05+00:00"`,
    );
  const milliseconds = epochOf(parts) + (parts.microsecond % 1000) / 1000;
  return parts.offset === null && timeZone !== "UTC" ? fromLocal(milliseconds, timeZone) : milliseconds;
}

/** The extended form with date and minutes, fractions cut to microseconds; what is no time stays none. */
const spelledOut = (text: string): string =>
  text
    .replace(/^(\d{4})(\d\d)(\d\d)(?=[T ]|$)/i, "$1-$2-$3")
    .replace(/^(\d{4})(-\d\d)?$/, (_, year: string, month = "-01") => `${year}${month}-01`)
    .replace(/(?<=[T ]\d\d)(\d\d)(\d\d)?/i, (_, minute: string, second?: string) =>
      second === undefined ? `:${minute}` : `:${minute}:${second}`,
    )
    .replace(/([T ]\d\d)(?=$|Z|[+-])/i, "$1:00")
    .replace(/([.,]\d{6})\d+/, "$1");

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

function sign(offset: number): string {
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/**
 * The text as `datetime.isoformat()` gives it after Celery has read it (`task-received`): the sender's offset, six
 * fraction digits or none, UTC where nothing is said.
 */
export function pythonTime(text: string): string {
  const offset = (parseIso(text) ?? parseIso(spelledOut(text)))?.offset ?? 0;
  const utc = isoTime(parseIsoTime(text) + offset * 1000);
  return offset === 0 ? utc : utc.slice(0, -"+00:00".length) + sign(offset * 1000);
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

/** The parts of an ISO 8601 datetime as Python's `isoformat()` writes it and `fromisoformat()` reads it. */
export interface IsoParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  /** Seconds east of UTC (fractions allowed); null for a naive datetime. */
  readonly offset: number | null;
}

const OFFSET = String.raw`(Z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d{1,6})?)?)?)`;
const CLOCK = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?`;
const DATETIME = new RegExp(String.raw`^(\d{4})-(\d\d)-(\d\d)(?:[T ]${CLOCK}${OFFSET}?)?$`, "i");
const TIME = new RegExp(String.raw`^${CLOCK}${OFFSET}?$`, "i");

/** The parts, or null when the text is no datetime that Python could hold (years 1 to 9999, real days, no leap second). */
export function parseIso(text: string): IsoParts | null {
  const match = DATETIME.exec(text);
  if (!match) return null;
  const clock = clockParts(match.slice(4));
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (!clock || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  return { year, month, day, ...clock };
}

/** The parts of a time of day; the date is that of 1900-01-01. */
export function parseTime(text: string): IsoParts | null {
  const match = TIME.exec(text);
  const clock = match && clockParts(match.slice(1));
  return clock && { year: 1900, month: 1, day: 1, ...clock };
}

type Clock = Omit<IsoParts, "year" | "month" | "day">;

function clockParts([h, m, s, fraction, zone]: readonly (string | undefined)[]): Clock | null {
  const [hour, minute, second] = [Number(h ?? 0), Number(m ?? 0), Number(s ?? 0)];
  const offset = zone === undefined ? null : offsetSeconds(zone);
  if (hour > 23 || minute > 59 || second > 59 || Number.isNaN(offset)) return null;
  return { hour, minute, second, microsecond: Number((fraction ?? "").padEnd(6, "0").slice(0, 6)), offset };
}

function offsetSeconds(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const [hours, minutes, seconds] = [
    zone.slice(1, 3),
    ...zone
      .slice(3)
      .replaceAll(":", "")
      .split(/(?<=^\d\d)/),
  ];
  if (Number(minutes ?? 0) > 59 || Number(seconds ?? 0) >= 60 || Number(hours) > 23) return NaN;
  const size = Number(hours) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return zone.startsWith("-") ? -size : size;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Milliseconds since 1970; a naive datetime counts as UTC. */
export function epochOf(parts: IsoParts): number {
  const day = new Date(0).setUTCFullYear(parts.year, parts.month - 1, parts.day);
  const seconds = parts.hour * 3600 + parts.minute * 60 + parts.second - (parts.offset ?? 0);
  return day + Math.floor(seconds * 1000 + parts.microsecond / 1000);
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Python's `isoformat()` of the date. */
export const dateText = (parts: IsoParts): string =>
  `${String(parts.year).padStart(4, "0")}-${two(parts.month)}-${two(parts.day)}`;

/** Python's `isoformat()` of the time with its offset: six fraction digits or none, `+00:00` and never `Z`. */
export function timeText(parts: IsoParts): string {
  const fraction = parts.microsecond === 0 ? "" : `.${String(parts.microsecond).padStart(6, "0")}`;
  return `${two(parts.hour)}:${two(parts.minute)}:${two(parts.second)}${fraction}${offsetText(parts.offset)}`;
}

function offsetText(offset: number | null): string {
  if (offset === null) return "";
  const micros = Math.round(Math.abs(offset) * 1e6);
  const seconds = Math.floor(micros / 1e6);
  const rest = micros % 1e6;
  return (
    `${offset < 0 ? "-" : "+"}${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}` +
    (seconds % 60 === 0 && rest === 0 ? "" : `:${two(seconds % 60)}`) +
    (rest === 0 ? "" : `.${String(rest).padStart(6, "0")}`)
  );
}

import { CeleryError } from "../../errors.js";
import { isoTime, parseIsoTime } from "../../protocol/iso-time.js";

/**
 * `date_done` in the columns (wire facts: celery/app/base.py `now`, SQLAlchemy's DateTime). SQLite and MySQL keep the
 * reading of the application's wall clock, without an offset; PostgreSQL turns a moment into the session's time zone.
 */

/** A moment, in milliseconds, as `YYYY-MM-DD HH:MM:SS.ffffff` in a time zone: what SQLAlchemy writes. */
export function wallClock(milliseconds: number, timeZone: string): string {
  const iso = isoTime(milliseconds, timeZone);
  const fraction = /\.(\d{6})/.exec(iso)?.[1] ?? "000000";
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${fraction}`;
}

/** The same as ISO text with the zone's offset, or null for what is no time (MySQL's zero date). */
export function fromWallClock(text: string, timeZone: string): string | null {
  try {
    return isoTime(parseIsoTime(text.trim().replace(" ", "T"), timeZone), timeZone);
  } catch (error) {
    if (error instanceof CeleryError) return null;
    throw error;
  }
}

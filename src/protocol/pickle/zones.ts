import { epochOf, type IsoParts } from "../iso.js";
import { PyObject } from "./py-object.js";

/** Seconds east of UTC that a pickled tzinfo has at this local time; undefined for a zone that is not known. */
export function offsetOf(zone: unknown, local: IsoParts, fold: boolean): number | undefined {
  if (!(zone instanceof PyObject)) return undefined;
  switch (`${zone.module}.${zone.name}`) {
    case "datetime.timezone":
      return timedeltaSeconds(zone.args?.[0]);
    case "zoneinfo.ZoneInfo":
      return typeof zone.args?.[0] === "string" ? namedOffset(zone.args[0], local, fold) : undefined;
    case "pytz._UTC":
    case "dateutil.tz.tz.tzutc":
      return 0;
    default:
      return undefined;
  }
}

function timedeltaSeconds(delta: unknown): number | undefined {
  if (!(delta instanceof PyObject) || delta.module !== "datetime" || delta.name !== "timedelta") return undefined;
  const [days = 0, seconds = 0, micros = 0] = delta.args ?? [];
  const total = Number(days) * 86_400 + Number(seconds) + Number(micros) / 1e6;
  return Math.abs(total) < 86_400 ? total : undefined;
}

/** PEP 495: of the two offsets around a change, `fold` chooses the later one where a local time is double or missing. */
function namedOffset(key: string, local: IsoParts, fold: boolean): number | undefined {
  const wall = epochOf({ ...local, offset: null });
  try {
    const before = offsetAt(key, wall - 86_400_000);
    const after = offsetAt(key, wall + 86_400_000);
    const isBefore = offsetAt(key, wall - before * 1000) === before;
    const isAfter = offsetAt(key, wall - after * 1000) === after;
    if (isBefore === isAfter) return fold ? after : before;
    return isBefore ? before : after;
  } catch {
    return undefined;
  }
}

function offsetAt(key: string, epoch: number): number {
  const format = new Intl.DateTimeFormat("en", { timeZone: key, timeZoneName: "longOffset" });
  const name = format.formatToParts(epoch).find((part) => part.type === "timeZoneName")?.value ?? "";
  const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
  if (!match) throw new RangeError(`no offset in ${name}`);
  const size = Number(match[2] ?? 0) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0);
  return match[1] === "-" ? -size : size;
}

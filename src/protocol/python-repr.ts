import { types } from "node:util";
import { parseIso, parseTime, type IsoParts } from "./iso.js";
import { dateParts, Decimal, PlainDate, PlainTime, Uuid } from "./values.js";

/** Python's `repr` of a date, time, decimal or UUID; undefined for anything else. */
export function pythonRepr(value: object): string | undefined {
  if (types.isDate(value)) return datetime(value);
  if (value instanceof Decimal) return `Decimal('${value.value}')`;
  if (value instanceof Uuid) return `UUID('${value.value}')`;
  if (value instanceof PlainDate) {
    const parts = parseIso(value.value);
    return parts ? `datetime.date(${parts.year}, ${parts.month}, ${parts.day})` : value.value;
  }
  if (value instanceof PlainTime) {
    const parts = parseTime(value.value);
    return parts ? `datetime.time(${clock(parts)})` : value.value;
  }
  return undefined;
}

function datetime(value: Date): string {
  try {
    const parts = dateParts(value);
    return `datetime.datetime(${parts.year}, ${parts.month}, ${parts.day}, ${clock(parts)})`;
  } catch {
    return `<${String(value)}>`;
  }
}

/** Hours and minutes always, seconds and microseconds as far as they are not zero, then the zone. */
function clock({ hour, minute, second, microsecond, offset }: IsoParts): string {
  const fields = [hour, minute];
  if (second !== 0 || microsecond !== 0) fields.push(second);
  if (microsecond !== 0) fields.push(microsecond);
  return `${fields.join(", ")}${offset === null ? "" : `, tzinfo=${zone(offset)}`}`;
}

function zone(offset: number): string {
  if (offset === 0) return "datetime.timezone.utc";
  const micros = Math.round(offset * 1e6);
  const days = Math.floor(micros / 86_400e6);
  const rest = micros - days * 86_400e6;
  const parts = [
    ["days", days],
    ["seconds", Math.floor(rest / 1e6)],
    ["microseconds", rest % 1e6],
  ] as const;
  const text = parts.filter(([, part]) => part !== 0).map(([name, part]) => `${name}=${part}`);
  return `datetime.timezone(datetime.timedelta(${text.join(", ")}))`;
}

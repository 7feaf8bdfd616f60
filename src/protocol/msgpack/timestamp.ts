import { DateTime } from "../values.js";

/** The timestamp extension's three forms: 32 bits of seconds; 30 bits of nanoseconds and 34 of seconds; 32 and 64. Null for others. */
export function timestamp(data: Buffer): DateTime | null {
  let seconds: number;
  let nanoseconds = 0;
  if (data.length === 4) seconds = data.readUInt32BE();
  else if (data.length === 8) {
    const both = data.readBigUInt64BE();
    nanoseconds = Number(both >> 34n);
    seconds = Number(both & 0x3ffffffffn);
  } else if (data.length === 12) {
    nanoseconds = data.readUInt32BE();
    seconds = Number(data.readBigInt64BE(4));
  } else return null;
  const date = new Date(seconds * 1000);
  if (nanoseconds > 999_999_999 || Number.isNaN(date.getTime()) || !/^(?!0000)\d{4}-/.test(date.toISOString()))
    return null;
  const fraction = String(Math.floor(nanoseconds / 1000)).padStart(6, "0");
  return new DateTime(`${date.toISOString().slice(0, 19)}.${fraction}+00:00`);
}

/** Small helpers for reading documents that others wrote. */

/** An object with text keys: no array, no date, no `Map` (which is what decoders make of other keys). */
export function isMapping(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The value in an error message: short, and never a whole document. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}...` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "symbol" || typeof value === "function"
    ? `a ${typeof value}`
    : `${value as number | boolean | bigint | null}`;
}

/** Small helpers for reading documents that others wrote. */

/** An object with text keys (a decoder gives a `Map` when keys are something else). */
export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Object]";

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

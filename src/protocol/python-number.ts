/**
 * How Python writes numbers. JavaScript has one number type and Python has two, so one rule decides everywhere:
 * a safe integer is an `int`, every other number is a `float`.
 */

/**
 * Whether the number travels as Python's `int`. Integral numbers beyond 2^53-1 (and -0) are no exact integers in
 * JavaScript, so they travel as the float they are; a `bigint` is the way to send a bigger `int`.
 */
export const isInt = (value: number): boolean => Number.isSafeInteger(value) && !Object.is(value, -0);

/** Python's `repr(float)`: shortest digits, exponent below 1e-4 and from 1e16 on with at least two digits. */
export function pyFloat(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) return Number.isInteger(value) ? `${value}.0` : `${value}`;
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

/** Python's `repr` of the int or float that the number travels as. */
export const pyNumber = (value: number): string => (isInt(value) ? String(value) : pyFloat(value));

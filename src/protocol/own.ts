/** Sets an own member, also when its name is `__proto__`: assignment would set the prototype instead. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** The entries as a plain object when every key is text, else null: the caller makes a `Map`. */
export function asObject(entries: Iterable<readonly [unknown, unknown]>): Record<string, unknown> | null {
  const out: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    if (typeof key !== "string") return null;
    setOwn(out, key, value);
  }
  return out;
}

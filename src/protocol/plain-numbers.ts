import { Float } from "./values.js";

/**
 * The same value with every `Float` turned into a plain number. What holds none is returned itself, not a copy;
 * a value that contains itself (pickle can) is left alone where it does.
 */
export function plainNumbers(value: unknown): unknown {
  return plain(value, new Map());
}

/** `done` keeps shared objects shared, and so ends the walk of values that are bigger than the text they came from. */
function plain(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Float) return value.valueOf();
  if (done.has(value)) return done.get(value);
  done.set(value, value);
  const result = plainContainer(value, done);
  done.set(value, result);
  return result;
}

function plainContainer(value: object, done: Map<object, unknown>): unknown {
  if (Array.isArray(value)) return plainList(value, done);
  if (value instanceof Map) {
    const flat: unknown[] = [...(value as Map<unknown, unknown>)].flat(1);
    const changed = plainList(flat, done);
    if (changed === flat) return value;
    return new Map(changed.flatMap((key, i) => (i % 2 === 0 ? [[key, changed[i + 1]] as const] : [])));
  }
  if (value instanceof Set) {
    const members: unknown[] = [...(value as Set<unknown>)];
    const changed = plainList(members, done);
    return changed === members ? value : new Set(changed);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const values: unknown[] = Object.values(value);
  const changed = plainList(values, done);
  return changed === values ? value : Object.fromEntries(Object.keys(value).map((key, i) => [key, changed[i]]));
}

function plainList(values: readonly unknown[], done: Map<object, unknown>): readonly unknown[] {
  let copy: unknown[] | undefined;
  values.forEach((one, index) => {
    const changed = plain(one, done);
    if (!Object.is(changed, one)) (copy ??= [...values])[index] = changed;
  });
  return copy ?? values;
}

import { types } from "node:util";
import { EncodeError } from "../errors.js";

/** Containers nested deeper than this are refused by every writer and reader: Python's readers stop near there too. */
export const MAX_DEPTH = 1000;

/**
 * Thrown inside a writer at the value that cannot be written; each container on the way out adds itself. So the path
 * costs nothing while all goes well.
 */
export class Refusal extends Error {
  readonly #trail: { readonly container: object; readonly key: unknown }[] = [];

  /** The refusal with one more container around it; any other error becomes the cause of one. */
  static within(error: unknown, container: object, key: unknown): Refusal {
    const refusal = error instanceof Refusal ? error : new Refusal(describe(error), { cause: error });
    refusal.#trail.unshift({ container, key });
    return refusal;
  }

  /** The error for the caller: `what` names the format. */
  static toEncodeError(error: unknown, what: string): EncodeError {
    const refusal = error instanceof Refusal ? error : new Refusal(describe(error), { cause: error });
    const { path, circular } = refusal.#path();
    const reason = circular ? "the value contains itself" : refusal.message;
    return new EncodeError(`cannot write ${path} as ${what}: ${reason}`, { cause: refusal.cause });
  }

  #path(): { path: string; circular: boolean } {
    const seen = new Set<object>();
    let path = "$";
    for (const { container, key } of this.#trail) {
      if (seen.has(container)) return { path, circular: true };
      seen.add(container);
      path += step(key);
    }
    return { path: path.length > 120 ? `${path.slice(0, 120)}...` : path, circular: false };
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function step(key: unknown): string {
  if (typeof key === "number") return `[${key}]`;
  if (typeof key !== "string") return `[${typeof key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 64))}]`;
}

export function tooDeep(): Refusal {
  return new Refusal(`it is nested deeper than ${MAX_DEPTH} levels`);
}

/** The refusal of a value that is no data: functions, symbols, and objects whose content JSON would lose. */
export function notData(value: unknown, remedy?: string): Refusal {
  const name = typeof value === "object" && value !== null ? `a ${className(value)} object` : `a ${typeof value}`;
  return new Refusal(`${name} has no form there${remedy === undefined ? "" : `; ${remedy}`}`);
}

const className = (value: object): string => {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "nameless";
};

/**
 * What `JSON.stringify` users expect of an object that no writer knows: the result of its `toJSON()`, the primitive in
 * a boxed one, else the object itself, whose own enumerable members count. Objects that would become `{}` are refused.
 */
export function jsonView(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return toJSON.call(value) as unknown;
  if (types.isBoxedPrimitive(value)) return (value as { valueOf(): unknown }).valueOf();
  if (types.isSet(value)) throw notData(value, "send an array: [...set]");
  if (types.isNativeError(value)) throw notData(value, "send its message");
  if (types.isTypedArray(value)) throw notData(value, "send Array.from(it), or its bytes as a Uint8Array");
  if (types.isAnyArrayBuffer(value) || types.isDataView(value)) throw notData(value, "send a Uint8Array");
  if (types.isPromise(value)) throw notData(value, "await it first");
  if (
    types.isRegExp(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isGeneratorObject(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    value instanceof WeakRef
  )
    throw notData(value);
  return value;
}

/** Whether an object is a literal (or has no prototype) of this realm: nothing but its own members can matter. */
export const isPlain = (value: object): boolean => {
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
};

import { DecodeError } from "../../errors.js";
import { setOwn } from "../own.js";
import { MAX_DEPTH } from "../refusal.js";
import { bufferOf } from "../utf8.js";
import { construct } from "./constructors.js";
import { PickleMachine, PyDict, PySet } from "./machine.js";
import { PyObject } from "./py-object.js";

/** Bounds of what is read; all have defaults that any honest task result stays far below. */
export interface PickleLimits {
  /** Size of the pickle in bytes. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
  /** Values pushed, a container counting as eight. Default 10 million. */
  readonly maxNodes?: number | undefined;
  /** "keep" reads integral floats as `Float`. */
  readonly floats?: "keep" | undefined;
}

/**
 * Reads a pickle of protocol 0 to 5 as data, without importing or calling anything: an allow-list of pure standard
 * types becomes values (`DateTime`, `PlainDate`, `PlainTime`, `Decimal`, `Uuid`, bytes, `Set`, dicts of collections),
 * every other object an inert `PyObject`. A dict is a plain object when all keys are text, else a `Map`; a tuple is an
 * array; integers beyond 2^53-1 are `bigint`. What the pickle shares is shared in the result, cycles included.
 *
 * Out-of-band buffers, persistent ids, the extension registry and old-style class instances are refused.
 *
 * @throws DecodeError for anything malformed, not supported or beyond a limit; also for more than 1000 levels.
 */
export function readPickle(bytes: Uint8Array, limits: PickleLimits = {}): unknown {
  const { maxBytes = 256 * 1024 * 1024, maxNodes = 10_000_000, floats } = limits;
  if (bytes.length > maxBytes)
    throw new DecodeError(`a pickle of ${bytes.length} bytes is longer than the limit of ${maxBytes}`);
  const root = new PickleMachine(bufferOf(bytes), maxNodes, floats === "keep").run();
  return finish(root, 0, new Map());
}

/** Turns the machine's graph into values, each node once. */
function finish(node: unknown, depth: number, done: Map<object, unknown>): unknown {
  if (typeof node !== "object" || node === null) return node;
  const isContainer =
    Array.isArray(node) || node instanceof PyDict || node instanceof PySet || node instanceof PyObject;
  if (!isContainer) return node;
  const known = done.get(node);
  if (known !== undefined) return known;
  if (depth >= MAX_DEPTH) throw new DecodeError(`a pickle is nested deeper than ${MAX_DEPTH} levels`);
  const inner = (value: unknown): unknown => finish(value, depth + 1, done);

  if (node instanceof PyDict) return finishDict(node, inner, done);
  if (node instanceof PySet) {
    const set = new Set<unknown>();
    done.set(node, set);
    for (const member of node.members) set.add(inner(member));
    return set;
  }
  done.set(node, node);
  if (node instanceof PyObject) {
    if (node.args) node.args = node.args.map(inner);
    node.state = inner(node.state);
    if (node.items) node.items = node.items.map(inner);
    const value = construct(node);
    done.set(node, value);
    return value;
  }
  const list = node as unknown[];
  for (let i = 0; i < list.length; i++) list[i] = inner(list[i]);
  return list;
}

/** The empty result is known before its members are: a dict may contain itself. */
function finishDict(dict: PyDict, inner: (value: unknown) => unknown, done: Map<object, unknown>): unknown {
  if (dict.entries.every(([key]) => typeof key === "string")) {
    const object: Record<string, unknown> = {};
    done.set(dict, object);
    for (const [key, value] of dict.entries) setOwn(object, key as string, inner(value));
    return object;
  }
  const map = new Map<unknown, unknown>();
  done.set(dict, map);
  for (const [key, value] of dict.entries) map.set(inner(key), inner(value));
  return map;
}

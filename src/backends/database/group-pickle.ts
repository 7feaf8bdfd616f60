import { DecodeError } from "../../errors.js";
import { readPickle } from "../../protocol/pickle/reader.js";
import { PyObject } from "../../protocol/pickle/py-object.js";
import { writePickle } from "../../protocol/pickle/writer.js";
import type { ResultNode } from "../../protocol/result.js";

/**
 * A saved group as Celery up to 5.6 keeps it: the pickled `GroupResult` itself (celery/result.py `__reduce__`). Of
 * what is read, only ids, members and parents are taken: Python's rows also hold its backend, with URL and password.
 */

/** Deeper than any canvas; Python's own pickle gives up before. */
const MAX_NESTING = 300;

/** Both names under which results are pickled: through the reader's application, or as classes. */
const CLASSES: Readonly<Record<string, "task" | "group">> = { AsyncResult: "task", GroupResult: "group" };

/** The pickle that Python restores; without a backend in it, every reader takes its own. */
export const pickledGroup = (group: ResultNode): Uint8Array => writePickle(result(group), { objects: true });

function result(node: ResultNode): PyObject {
  const parent = node.parent && result(node.parent);
  const args =
    node.children === null
      ? [node.id, null, null, null, parent]
      : [node.id, node.children.map(result), ...(parent ? [parent] : [])];
  return new PyObject("celery.app.base", "_unpickle_appattr", [
    node.children === null ? "AsyncResult" : "GroupResult",
    args,
  ]);
}

/** @throws DecodeError for anything that is not a pickled group result */
export function readPickledGroup(bytes: Uint8Array): ResultNode {
  const node = read(readPickle(bytes), 0);
  if (node.children === null) throw bad("the result of one task", "a group");
  return node;
}

function read(value: unknown, depth: number): ResultNode {
  if (depth > MAX_NESTING) throw new DecodeError(`a pickled group is nested deeper than ${MAX_NESTING} levels`);
  if (!(value instanceof PyObject)) throw bad(value === null ? "None" : typeof value, "a result");
  const [kind, args] = call(value);
  const [id, members, second] = args;
  if (typeof id !== "string" || id === "") throw bad("a result without an id", "a text");
  if (kind === "task") {
    const parent = args[4];
    return { id, parent: parentOf(parent, depth), children: null };
  }
  if (!Array.isArray(members)) throw bad("a group without members", "a list");
  return { id, parent: parentOf(second, depth), children: members.map((one: unknown) => read(one, depth + 1)) };
}

const parentOf = (value: unknown, depth: number): ResultNode | null =>
  value === null || value === undefined ? null : read(value, depth + 1);

function call(object: PyObject): readonly ["task" | "group", readonly unknown[]] {
  const args = object.args ?? [];
  if (object.module === "celery.app.base" && object.name === "_unpickle_appattr") {
    const [name, given] = args;
    const kind = typeof name === "string" ? CLASSES[name] : undefined;
    if (kind && Array.isArray(given)) return [kind, given as unknown[]];
  }
  const kind = object.module === "celery.result" ? CLASSES[object.name] : undefined;
  if (kind) return [kind, args];
  throw bad(`${object.module}.${object.name}`, "AsyncResult or GroupResult");
}

const bad = (found: string, expected: string): DecodeError =>
  new DecodeError(`a pickled group holds ${found.slice(0, 100)}; expected ${expected}`);

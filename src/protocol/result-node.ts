import { DecodeError } from "../errors.js";
import { isMapping, shown } from "./reading.js";
import type { ResultNode } from "./result-record.js";

/** Result tuples and saved groups (celery/result.py `as_tuple`, `result_from_tuple`). */

const MAX_NESTING = 500;

/** `[[id, parent], children]`: the children of a task are null, those of a group its members. */
export function resultTuple(node: ResultNode): unknown {
  // Parents go in a loop: a long chain has thousands of them.
  const lineage: ResultNode[] = [];
  for (let at: ResultNode | null = node; at !== null; at = at.parent) lineage.push(at);
  let tuple: unknown = null;
  for (const at of lineage.reverse()) tuple = [[at.id, tuple], at.children && at.children.map(resultTuple)];
  return tuple;
}

/**
 * Reads a result tuple, also the older form with a bare id. `seen` guards nobody here (a document cannot contain
 * itself) but whoever follows ids must: a retried task is listed as its own child. Throws `DecodeError`.
 */
export function nodeFromTuple(value: unknown): ResultNode {
  return readNode(value, 0);
}

function readNode(value: unknown, depth: number): ResultNode {
  const steps: { id: string; children: readonly ResultNode[] | null }[] = [];
  let at: unknown = value;
  do {
    if (depth > MAX_NESTING) throw new DecodeError(`a result tuple is nested deeper than ${MAX_NESTING} levels`);
    if (!Array.isArray(at) || at.length !== 2) throw bad("a result tuple", at, "[[id, parent], children]");
    const [head, members] = at as unknown[];
    const [id, parent] = Array.isArray(head) ? (head as unknown[]) : [head, null];
    if (typeof id !== "string" || id === "") throw bad("the id in a result tuple", id, "a text that is not empty");
    if (members !== null && members !== undefined && !Array.isArray(members))
      throw bad("the children in a result tuple", members, "an array or null");
    steps.push({ id, children: members ? members.map((one) => readNode(one, depth + 1)) : null });
    at = parent;
    depth++;
  } while (at !== null && at !== undefined && !(Array.isArray(at) && at.length === 0));
  let node: ResultNode | null = null;
  for (const step of steps.reverse()) node = { id: step.id, parent: node, children: step.children };
  return node as ResultNode;
}

/** What is stored for a saved group. */
export const groupDocument = (group: ResultNode): Record<string, unknown> => ({ result: resultTuple(group) });

/** Reads a saved group. Throws `DecodeError`. */
export function nodeFromGroupDocument(document: unknown): ResultNode {
  if (!isMapping(document)) throw bad("a saved group", document, '{"result": [[id, parent], children]}');
  const node = nodeFromTuple(document["result"]);
  if (node.children === null) throw bad("the children of a saved group", null, "an array");
  return node;
}

const bad = (what: string, value: unknown, expected: string): DecodeError =>
  new DecodeError(`${what} is ${shown(value)}; expected ${expected}`);

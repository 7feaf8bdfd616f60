import { DecodeError } from "../errors.js";
import { isMapping, shown } from "./reading.js";

/** Signatures as they travel: in `callbacks`, `errbacks`, `chain`, `chord` and as arguments (celery/canvas.py). */

/** A call to be made, with Celery's wire names. Options may hold nulls; unknown ones are carried along. */
export interface SignatureDocument {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** `chain`, `group`, `chord`, or null for a plain task (maps and chunks included). */
  readonly subtask_type: string | null;
  /** The result of the task before is not put in front of `args`. */
  readonly immutable: boolean;
}

/** `celery.chain`: steps one after the other. */
export interface ChainDocument extends SignatureDocument {
  readonly subtask_type: "chain";
  readonly kwargs: Readonly<Record<string, unknown>> & { readonly tasks: readonly unknown[] };
}

/** `celery.group`: members at once. */
export interface GroupDocument extends SignatureDocument {
  readonly subtask_type: "group";
  readonly kwargs: Readonly<Record<string, unknown>> & { readonly tasks: readonly unknown[] };
}

/** `celery.chord`: the header (an array while fresh, a group once frozen inside a chain), then the body. */
export interface ChordDocument extends SignatureDocument {
  readonly subtask_type: "chord";
  readonly kwargs: Readonly<Record<string, unknown>> & { readonly header: unknown; readonly body: unknown };
}

/** `celery.map`, `celery.starmap`, `celery.chunks`: plain tasks that call another one. */
export interface MapDocument extends SignatureDocument {
  readonly task: "celery.map" | "celery.starmap" | "celery.chunks";
  readonly kwargs: Readonly<Record<string, unknown>> & { readonly task: unknown; readonly it: readonly unknown[] };
}

export const isChainDocument = (sig: SignatureDocument): sig is ChainDocument =>
  sig.subtask_type === "chain" && Array.isArray(sig.kwargs["tasks"]);

export const isGroupDocument = (sig: SignatureDocument): sig is GroupDocument =>
  sig.subtask_type === "group" && Array.isArray(sig.kwargs["tasks"]);

export const isChordDocument = (sig: SignatureDocument): sig is ChordDocument =>
  sig.subtask_type === "chord" && "header" in sig.kwargs && "body" in sig.kwargs;

export const isMapDocument = (sig: SignatureDocument): sig is MapDocument =>
  /^celery\.(?:map|starmap|chunks)$/.test(sig.task) && "task" in sig.kwargs && Array.isArray(sig.kwargs["it"]);

/** All six keys, the missing ones as Celery has them. */
export function signatureDocument(
  partial: Pick<SignatureDocument, "task"> & Partial<SignatureDocument>,
): SignatureDocument {
  return {
    task: partial.task,
    args: partial.args ?? [],
    kwargs: partial.kwargs ?? {},
    options: partial.options ?? {},
    subtask_type: partial.subtask_type ?? null,
    immutable: partial.immutable ?? false,
  };
}

/**
 * A signature out of a message. As in Python `args`, `kwargs` and `options` must be there, the other two may be
 * missing; a complete one is returned as it is, so that nothing is lost when it is sent on. `where` names it in errors.
 * Throws `DecodeError`.
 */
export function readSignature(value: unknown, where = "signature"): SignatureDocument {
  const sig = value as Partial<SignatureDocument>;
  if (!isMapping(value)) throw bad(where, value, "a signature object");
  if (typeof sig.task !== "string" || sig.task === "") throw bad(`${where}.task`, sig.task, "the name of a task");
  if (!Array.isArray(sig.args)) throw bad(`${where}.args`, sig.args, "an array");
  if (!isMapping(sig.kwargs)) throw bad(`${where}.kwargs`, sig.kwargs, "an object");
  if (!isMapping(sig.options)) throw bad(`${where}.options`, sig.options, "an object");
  const type: unknown = sig.subtask_type;
  if (type !== undefined && type !== null && typeof type !== "string")
    throw bad(`${where}.subtask_type`, type, "a text or null");
  if (type !== undefined && typeof sig.immutable === "boolean") return sig as SignatureDocument;
  return { ...(sig as SignatureDocument), subtask_type: type ?? null, immutable: Boolean(sig.immutable) };
}

/** What a call adds to a signature. Null options count as not given. */
export interface SignatureCall {
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

/**
 * The signature as it is called (Celery's `_merge`): the call's arguments come first, its keywords and options win,
 * but a group id and stamps once set stay. An immutable signature takes options only.
 */
export function mergeSignature(sig: SignatureDocument, call: SignatureCall): SignatureDocument {
  const { args = [], kwargs = {}, options = {} } = call;
  const keep = new Set(["group_id", "stamped_headers"]);
  const stamped = sig.options["stamped_headers"];
  if (Array.isArray(stamped)) for (const name of stamped) keep.add(String(name));
  const merged: Record<string, unknown> = { ...sig.options };
  for (const [name, value] of Object.entries(options))
    if (value !== null && value !== undefined && !(keep.has(name) && Object.hasOwn(sig.options, name)))
      merged[name] = value;
  if (sig.immutable) return { ...sig, options: merged };
  return {
    ...sig,
    args: args.length > 0 ? [...args, ...sig.args] : sig.args,
    kwargs: { ...sig.kwargs, ...kwargs },
    options: merged,
  };
}

const bad = (where: string, value: unknown, expected: string): DecodeError =>
  new DecodeError(`${where} is ${shown(value)}; expected ${expected}`);

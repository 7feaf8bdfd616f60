import { ImproperlyConfigured } from "../../errors.js";
import { newId } from "../../util/id.js";
import { sinceBoot } from "../../util/time.js";

/** Longest file name that common file systems take, in bytes. */
const MAX_NAME_BYTES = 255;
/** `<ms>_<uuid>.` and `.msg` around a queue's name; a claim spells the queue in base64 and adds who claimed it. */
const MAX_QUEUE_BYTES = 96;

let counter = 0;

/**
 * A message file: `<milliseconds of the monotonic clock>_<uuid>.<queue>.msg`. Readers sort by name, and several
 * messages may share a millisecond, so our uuids begin with a counter: what one process sends stays in order.
 */
export function messageName(queue: string): string {
  counter = (counter + 1) >>> 0;
  return `${sinceBoot()}_${counter.toString(16).padStart(8, "0")}${newId().slice(8)}.${queue}.msg`;
}

/** The queue of a message file, or undefined for anything else. Kombu looks for `.<queue>.msg` anywhere in the name. */
export function queueOf(name: string): string | undefined {
  const dot = name.indexOf(".");
  return dot > 0 && name.endsWith(".msg") && dot < name.length - 4 ? name.slice(dot + 1, -4) : undefined;
}

/**
 * A message file that somebody holds: the same name, except that nothing in it looks like a message to kombu, with a
 * word of its own so that no two claims ever share a name.
 */
export function claimName(name: string, claimant: string): string {
  const queue = Buffer.from(queueOf(name) ?? "").toString("base64url");
  return `${name.slice(0, name.indexOf("."))}.${queue}.${claimant}.taken`;
}

/** The message file behind a claim, or undefined for anything else. */
export function claimedName(claim: string): string | undefined {
  const match = /^([^.]+)\.([\w-]*)\.[\w-]+\.taken$/.exec(claim);
  return match ? `${match[1]}.${Buffer.from(match[2] ?? "", "base64url").toString()}.msg` : undefined;
}

/** A name that no reader takes for anything, for files being written. */
export const temporaryName = (): string => `.${newId()}.tmp`;

/** @throws ImproperlyConfigured for a name that cannot be part of a file name */
export function checkName(what: "queue" | "exchange", name: string): string {
  const size = Buffer.byteLength(name);
  if (name === "" || /[/\\\0]/.test(name) || size > MAX_QUEUE_BYTES)
    throw new ImproperlyConfigured(
      `the filesystem broker cannot have ${what} ${JSON.stringify(name.slice(0, MAX_NAME_BYTES))}: ` +
        `it becomes part of a file name, so it needs 1 to ${MAX_QUEUE_BYTES} bytes without slashes`,
    );
  return name;
}

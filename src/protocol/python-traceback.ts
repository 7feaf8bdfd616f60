import { TaskError } from "../errors.js";
import { isError, isOneOf } from "../util/is-error.js";
import { className } from "./error-name.js";
import { saferepr } from "./saferepr.js";
import { type Frame, stackFrames } from "./stack-frames.js";

const CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n";
const GATHERED = "\nThe above exception is one of those that the following exception gathers:\n\n";

/** Causes that are shown, nearest first; the first of all is always among them. */
const MOST_CAUSES = 20;
/** Causes that are looked at. */
const LONGEST_CHAIN = 1000;
const MOST_GATHERED = 10;
/** Frames of one error. */
const MOST_FRAMES = 100;
/** Characters of a message here; the exception itself has all of it. */
const LONGEST_MESSAGE = 8192;

/**
 * The traceback of an error in the shape of Python's, so that Flower shows it and Python's tblib reads it: frames
 * oldest first, causes before the error they caused, as Python chains them. It is bounded, whatever was thrown, and
 * never throws.
 */
export function pythonTraceback(error: unknown): string {
  const chain = causes(error);
  const shown = chain.length > MOST_CAUSES ? [...chain.slice(0, MOST_CAUSES - 1), chain.at(-1)] : chain;
  const parts = shown.map((one, index) => {
    const left = index === MOST_CAUSES - 1 ? chain.length - MOST_CAUSES : 0;
    return left > 0
      ? `${whole(one)}\n[${left} more exceptions, each the cause of the next, are left out]\n`
      : whole(one);
  });
  return parts.reverse().join(CAUSED);
}

/** The error and what caused it, the nearest first. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at = error; chain.length < LONGEST_CHAIN && !chain.includes(at);) {
    chain.push(at);
    const cause = read(at, "cause");
    if (cause === undefined || cause === null) break;
    at = cause;
  }
  return chain;
}

const isTaskError = (error: unknown): error is TaskError => isOneOf(error, [TaskError]);

/** One error, after those that it gathers, or after the traceback that it came with. */
function whole(error: unknown): string {
  const parts = gathered(error).map((one) => single(one) + GATHERED);
  if (isTaskError(error) && error.traceback) parts.push(`${error.traceback.trimEnd()}\n${CAUSED}`);
  return parts.join("") + single(error);
}

function gathered(error: unknown): unknown[] {
  const errors = read(error, "errors");
  try {
    return Array.isArray(errors) ? errors.slice(0, MOST_GATHERED).filter(isError) : [];
  } catch {
    return []; // a getter of the list threw
  }
}

function single(error: unknown): string {
  const { name, message, stack } = describe(error);
  const all = stackFrames(stack, message).reverse();
  const own = all.filter(({ file }) => !file.startsWith("node:internal/"));
  const text = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}...` : message;
  return `Traceback (most recent call last):\n${lines(own.length > 0 ? own : all)}${text === "" ? name : `${name}: ${text}`}\n`;
}

function lines(frames: readonly Frame[]): string {
  const left = frames.length - MOST_FRAMES;
  const texts = frames.map(({ file, line, fn }) => `  File "${file}", line ${line}, in ${fn}\n`);
  if (left > 0) texts.splice(MOST_FRAMES / 2, left, `  [${left} more frames are left out]\n`);
  return texts.join("");
}

function describe(error: unknown): { name: string; message: string; stack: string } {
  if (!isError(error))
    return { name: "Exception", message: typeof error === "string" ? error : saferepr(error), stack: "" };
  return { name: nameOf(error), message: text(read(error, "message")), stack: text(read(error, "stack") ?? "") };
}

function nameOf(error: Error): string {
  try {
    return isTaskError(error) ? error.type : className(error);
  } catch {
    return "Exception"; // a getter of it threw
  }
}

/** A property of an error; anything can be thrown, also objects whose getters throw. */
function read(error: unknown, name: "message" | "stack" | "cause" | "errors"): unknown {
  try {
    return isError(error) ? (error as unknown as Record<string, unknown>)[name] : undefined;
  } catch {
    return name === "cause" || name === "errors" ? undefined : "unprintable";
  }
}

function text(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "unprintable";
  }
}

import { Composer, Lexer, Parser, type CST, type Document } from "yaml";
import { DecodeError } from "../../errors.js";
import { asObject } from "../own.js";
import { readFloat } from "../values.js";
import { pyYamlTags } from "./tags.js";

/** How many times the document may become bigger by its aliases (the "billion laughs"). */
const MAX_ALIASES = 10_000;

/** The package recurses over the levels, and Python's reader gives up at some hundreds of them too. */
const MAX_LEVELS = 200;

/**
 * Reads one YAML document as PyYAML's `safe_load` does: timestamps as `DateTime` and `PlainDate`, `!!binary` as
 * `Uint8Array`, `!!set` as `Set`, integers beyond 2^53-1 as `bigint`, mappings as objects, or as `Map` when not all
 * keys are text.
 *
 * @throws DecodeError for anything malformed, tags other than YAML's own (`!!python/...`), aliases that multiply the
 * document more than 10,000 times, more than 200 levels.
 */
export function readYaml(text: string, options?: { readonly floats?: "keep" | undefined }): unknown {
  let value: unknown;
  try {
    const [document, second] = composed(text);
    const problem = document?.errors[0] ?? document?.warnings[0];
    if (problem) throw problem;
    if (second) throw new Error("there is more than one document");
    value = document?.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw new DecodeError(`not YAML that can be read: ${(cause as Error).message.slice(0, 200)}`, { cause });
  }
  return plain(value, options?.floats === "keep", 0, new Map());
}

/** Stops at the first token that opens one level too many, long before anything recurses. */
function* tokens(text: string): Iterable<CST.Token> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_LEVELS) throw new RangeError(`it is nested deeper than ${MAX_LEVELS} levels`);
  }
  yield* parser.end();
}

function composed(text: string): Document[] {
  const composer = new Composer({
    schema: "failsafe",
    customTags: pyYamlTags,
    version: "1.1",
    merge: true,
    prettyErrors: false,
    logLevel: "silent",
    uniqueKeys: false,
  });
  return [...composer.compose(tokens(text), true, text.length)];
}

/** From what the parser makes to our values, shared parts once. */
function plain(value: unknown, keep: boolean, depth: number, done: Map<object, unknown>): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === "number") return readFloat(value, keep);
  if (typeof value !== "object" || value === null) return value;
  const known = done.get(value);
  if (known !== undefined) return known;
  if (depth > MAX_LEVELS) throw new DecodeError(`a YAML document is nested deeper than ${MAX_LEVELS} levels`);
  const inner = (one: unknown): unknown => plain(one, keep, depth + 1, done);
  let result: unknown = value;
  if (value instanceof Map) {
    const entries = [...value].map(([key, member]): [unknown, unknown] => [inner(key), inner(member)]);
    result = asObject(entries) ?? new Map(entries);
  } else if (value instanceof Set) result = new Set([...value].map(inner));
  else if (Array.isArray(value)) result = value.map(inner);
  else if (Buffer.isBuffer(value)) result = new Uint8Array(value);
  done.set(value, result);
  return result;
}

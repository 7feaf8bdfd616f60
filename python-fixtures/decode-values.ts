import { dumps, loads } from "../src/protocol/json.js";
import { compress, decompress } from "../src/protocol/compression.js";
import { readPickle } from "../src/protocol/pickle/reader.js";
import { saferepr } from "../src/protocol/saferepr.js";
import { acceptedTypes, decodeContent, encodeContent } from "../src/protocol/serializers/registry.js";
import { exceptionRepr, exceptionToError } from "../src/protocol/exception.js";
import { bytesOf, type Entry } from "./fixture-files.js";
import { canonical, fromNeutral, isOurs, toNeutral } from "./neutral.js";
import type { Report } from "./checks.js";

/** kombu 5.2 writes times, decimals and ids as plain text, and reads typed objects as the plain dicts they are. */
export const isUntyped = (version: string): boolean => version.startsWith("5.2.");

const everything = acceptedTypes(["json", "yaml", "msgpack", "pickle", "text/plain"]);
const keep = { floats: "keep" } as const;

/** Content of a serializer: the value read, and read again out of what we write for it. */
export function serialized(report: Report, entry: Entry): void {
  const { contentType, contentEncoding, expected } = entry;
  if ("refused" in entry) return refused(report, entry);
  if (!("expected" in entry)) return;
  const read = (body: Uint8Array, options?: typeof keep): unknown =>
    decodeContent(
      { body, contentType: contentType as string, contentEncoding: contentEncoding as string },
      everything,
      options,
    );
  const body = bytesOf(entry["body"]);
  report.equal(entry, "value", () => toNeutral(read(body, keep)), canonical(expected));
  const plain = { plainFloats: true };
  report.equal(entry, "value with plain floats", () => toNeutral(read(body), plain), canonical(expected, plain));
  // An array is no key of a map that two programs could agree on.
  if (!isOurs(expected) || contentType === "text/plain" || entry.name === "tuple keys") return;
  const again = (): unknown => toNeutral(read(encodeContent(fromNeutral(expected), contentType as string).body, keep));
  report.equal(entry, "value written and read here", again, canonical(expected));
}

/** Python has no form for these types; here they are one type with lists, dicts, sets and bytes that it has. */
const NO_TWIN = new Set(["bytearray", "ordered dict", "frozenset", "set inside"]);

/** What Python's serializer refuses is refused here, before anybody has sent it. */
function refused(report: Report, entry: Entry): void {
  const { serializer, input } = entry as unknown as { serializer: string; input: unknown };
  if (!isOurs(input) || NO_TWIN.has(entry.name)) return;
  if (serializer === "json" && isUntyped(report.version)) return;
  report.refuses(entry, "refused", () => encodeContent(fromNeutral(input), serializer));
}

/** JSON besides: our text is Python's to the letter. */
export function json(report: Report, entry: Entry): void {
  serialized(report, entry);
  if (entry["contentType"] === undefined) return;
  const input = entry["input"] ?? entry["expected"];
  if (isUntyped(report.version) && entry["input"] !== undefined && !/ keys$/.test(entry.name)) return;
  if (isOurs(input))
    report.equal(entry, "same text", () => dumps(fromNeutral(input)), bytesOf(entry["body"]).toString());
}

export function foreignJson(report: Report, entry: Entry): void {
  const text = bytesOf(entry["body"]).toString();
  const read = (): unknown => loads(text, { ...keep, typed: !isUntyped(report.version) });
  if ("expected" in entry) report.equal(entry, "value", () => toNeutral(read()), canonical(entry["expected"]));
  else report.refuses(entry, "refused", read);
}

export function pickle(report: Report, entry: Entry): void {
  const body = bytesOf(entry["body"]);
  report.equal(entry, "value", () => toNeutral(readPickle(body, keep)), canonical(entry["expected"]));
  if (entry["contentType"] !== undefined) serialized(report, entry);
}

export function compression(report: Report, entry: Entry): void {
  const { alias, contentType } = entry as unknown as { alias: string; contentType: string };
  const plain = { $bytes: Buffer.from(decompress(contentType, bytesOf(entry["body"]))).toString("base64") };
  report.equal(entry, "content", () => plain, canonical(entry["expected"]));
  report.check(entry, "compressed here", () => {
    const data = fromNeutral(canonical(entry["expected"])) as Uint8Array;
    const { body, type } = compress(alias, data);
    if (type !== contentType) throw new Error(`type ${type}`);
    if (!Buffer.from(decompress(alias, body)).equals(data)) throw new Error("does not come back");
  });
}

export function repr(report: Report, entry: Entry): void {
  const { maxLength, tuple } = entry as unknown as { maxLength: number | null; tuple?: boolean };
  // Celery 5.7 changed how texts are cut; ours are cut as there.
  if (!report.version.startsWith("5.7.") && String(entry["expected"]).includes("...")) return;
  if (!isOurs(entry["input"])) return;
  const options = { maxLength: maxLength ?? Infinity, ...(tuple && { tuple }) };
  report.equal(entry, "text", () => saferepr(fromNeutral(entry["input"]), options), entry["expected"]);
}

export function exceptionTexts(report: Report, entry: Entry): void {
  const { type, module, args } = entry as unknown as { type: string; module: string; args: unknown[] };
  const document = { exc_type: type, exc_message: (args ?? []).map(fromNeutral), exc_module: module };
  report.equal(entry, "repr", () => exceptionRepr(document), entry["repr"]);
  report.equal(entry, "str", () => exceptionToError(document).message, entry["str"]);
}

import { ContentDisallowed, DecodeError, ImproperlyConfigured } from "../../errors.js";
import { bufferOf, decodeUtf8 } from "../utf8.js";
import { jsonSerializer } from "./json.js";
import { msgpackSerializer } from "./msgpack.js";
import { pickleSerializer } from "./pickle.js";
import { rawSerializer } from "./raw.js";
import type { DecodeOptions, Serializer } from "./serializer.js";
import { yamlSerializer } from "./yaml.js";

const byName = new Map<string, Serializer>();
const byType = new Map<string, Serializer>();

/**
 * Adds a serializer for the whole process (as kombu's `register`), or replaces the one of its name and type.
 * Receiving its content needs its name or type in `acceptContent` all the same.
 */
export function registerSerializer(serializer: Serializer): void {
  byName.set(serializer.name, serializer);
  byType.set(serializer.contentType, serializer);
}

for (const one of [jsonSerializer, yamlSerializer, msgpackSerializer, pickleSerializer, rawSerializer])
  registerSerializer(one);

/**
 * The serializer of a name (`json`) or MIME type.
 * @throws ImproperlyConfigured listing the known names.
 */
export function serializerNamed(nameOrType: string): Serializer {
  const found = byName.get(nameOrType) ?? byType.get(nameOrType);
  if (found) return found;
  throw new ImproperlyConfigured(
    `unknown serializer ${JSON.stringify(nameOrType)}: known are ${[...byName.keys()].join(", ")}; ` +
      "others are added with registerSerializer()",
  );
}

/**
 * An accept list as MIME types: a text with a slash is a type already, anything else a serializer's name.
 * @throws ImproperlyConfigured for a name that is not known.
 */
export function acceptedTypes(namesOrTypes: readonly string[]): ReadonlySet<string> {
  return new Set(namesOrTypes.map((one) => (one.includes("/") ? one : serializerNamed(one).contentType)));
}

/** Serialized content with what a message says about it. */
export interface EncodedContent {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding: string;
}

/**
 * Serializes a value for a message (kombu's `dumps`). With "raw", bytes and strings pass through as they are.
 * @throws EncodeError, ImproperlyConfigured
 */
export function encodeContent(value: unknown, serializer: string): EncodedContent {
  const found = serializerNamed(serializer);
  const body = found.encode(value);
  const isRawText = found === rawSerializer && typeof value === "string";
  return { body, contentType: found.contentType, contentEncoding: isRawText ? "utf-8" : found.contentEncoding };
}

/** A received message's content. */
export interface Content {
  readonly body: Uint8Array;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
}

/** Types that are never decoded, only handed on: no accept list needs to name them. */
const TRUSTED: ReadonlySet<string> = new Set(["application/data", "application/text"]);
/** What kombu reads without any accept list: JSON, and types that have no decoder. */
const NEEDS_ACCEPT: ReadonlySet<string> = new Set(
  [yamlSerializer, msgpackSerializer, pickleSerializer].map((one) => one.contentType),
);

/**
 * Reads a message's content by kombu's rule (`SerializerRegistry.loads`): the exact type must be accepted, its
 * serializer decodes; without a serializer the content is text in its content encoding, or stays bytes when that is
 * "binary". An empty body is given back as it is. `accept: null` reads JSON and content that needs no decoder.
 *
 * @throws ContentDisallowed when the type is not accepted, DecodeError when the content cannot be read.
 */
export function decodeContent(content: Content, accept: ReadonlySet<string> | null, options?: DecodeOptions): unknown {
  const { body } = content;
  const type = content.contentType || "application/data";
  if (accept ? !accept.has(type) && !TRUSTED.has(type) : NEEDS_ACCEPT.has(type)) throw disallowed(type);
  if (body.length === 0) return body;
  const serializer = byType.get(type);
  if (serializer && serializer !== rawSerializer) return serializer.decode(body, options);
  const encoding = (content.contentEncoding || "utf-8").toLowerCase();
  return encoding === "binary" || encoding === "ascii-8bit" ? body : decodeText(body, encoding);
}

function disallowed(type: string): ContentDisallowed {
  const name = byType.get(type)?.name;
  const shown = JSON.stringify(type.slice(0, 100));
  return new ContentDisallowed(
    `refusing to read content of type ${name === undefined ? shown : `${name} (${type})`}: ` +
      `add ${name === undefined ? shown : JSON.stringify(name)} to acceptContent if its senders can be trusted`,
  );
}

function decodeText(body: Uint8Array, encoding: string): string {
  if (encoding === "utf-8" || encoding === "utf8" || encoding === "us-ascii" || encoding === "ascii")
    return decodeUtf8(body, "the body");
  if (encoding === "latin-1" || encoding === "latin1" || encoding === "iso-8859-1")
    return bufferOf(body).toString("latin1");
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new DecodeError(`the body cannot be read as text in ${JSON.stringify(encoding.slice(0, 64))}`, { cause });
  }
}

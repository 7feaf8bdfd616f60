import { serializerNamed } from "../../protocol/serializers/registry.js";

/**
 * Values cross threads in the bytes of a serializer: the structured clone algorithm forgets classes such as `Decimal`,
 * and whatever cannot be stored is refused where it was made. Throws `EncodeError`.
 */
export const packValue = (value: unknown, serializer: string): Uint8Array => codec(serializer).encode(value);

/** Python's `1.0` stays apart from `1`. */
export const unpackValue = (bytes: Uint8Array, serializer: string): unknown =>
  codec(serializer).decode(bytes, { floats: "keep" });

/** "raw" has no form but bytes and text. */
const codec = (name: string): ReturnType<typeof serializerNamed> => serializerNamed(name === "raw" ? "json" : name);

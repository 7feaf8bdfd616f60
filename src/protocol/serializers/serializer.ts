/** One of kombu's serializers: values to bytes and back, under a name and a MIME type. */
export interface Serializer {
  /** The short name in settings and call options (`json`). */
  readonly name: string;
  /** The exact MIME type that travels as `content_type`. */
  readonly contentType: string;
  readonly contentEncoding: "utf-8" | "binary";
  /** @throws EncodeError when the value has no form in this format. */
  encode(value: unknown): Uint8Array;
  /** @throws DecodeError for anything malformed or beyond a limit. */
  decode(bytes: Uint8Array, options?: DecodeOptions): unknown;
}

export interface DecodeOptions {
  /** "keep" reads integral floats as `Float`, so that they are written as floats again. */
  readonly floats?: "keep" | undefined;
}

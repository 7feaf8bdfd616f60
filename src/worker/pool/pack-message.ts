import { dumps, loads } from "../../protocol/json.js";
import type { Message } from "../../protocol/message.js";

/** A task message on its way to a thread. */
export interface PackedMessage extends Pick<Message, "body" | "contentType" | "contentEncoding"> {
  /** JSON of headers and properties: they may hold values that structured clones lose the class of. */
  readonly rest: string;
}

/** Headers and properties are as they were read; the body is a copy, to be given away. */
export function packMessage({ body, contentType, contentEncoding, headers, properties }: Message): PackedMessage & {
  readonly body: Uint8Array<ArrayBuffer>;
} {
  // A body may be a view into a buffer that holds much more.
  return { body: new Uint8Array(body), contentType, contentEncoding, rest: dumps([headers, properties]) };
}

export function unpackMessage({ rest, ...content }: PackedMessage): Message {
  const [headers, properties] = loads(rest, { floats: "keep" }) as [Message["headers"], Message["properties"]];
  return { ...content, headers, properties };
}

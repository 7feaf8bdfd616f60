import { requirePeer } from "../../util/load-peer.js";
import { encodeBzip2 } from "./bzip2/encoder.js";
import { tooLong, type Compression } from "./codec.js";

interface SeekBzip {
  readonly decode: (input: ExactInput, output: { writeByte(byte: number): void }) => void;
}

/** Written by our own encoder (npm has none under a permissive licence), read by the package seek-bzip. */
export const bzip2: Compression = {
  type: "application/x-bz2",
  names: ["bzip2", "bzip"],
  compress: encodeBzip2,
  decompress(bytes, maxBytes) {
    const { decode } = requirePeer<SeekBzip>("seek-bzip", 'reading the compression "bzip2"');
    const output = new GrowingOutput(maxBytes);
    decode(new ExactInput(bytes), output);
    return output.bytes();
  },
};

/** The package's own input stream reads zeros past the end. */
class ExactInput {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}
  readByte(): number {
    const byte = this.bytes[this.#at++];
    if (byte === undefined) throw new Error("the bzip2 data ends too early");
    return byte;
  }
  read(target: Uint8Array, offset: number, length: number): number {
    for (let i = 0; i < length; i++) target[offset + i] = this.readByte();
    return length;
  }
}

class GrowingOutput {
  #buffer = Buffer.allocUnsafe(16_384);
  #length = 0;
  constructor(readonly maxBytes: number) {}

  writeByte(byte: number): void {
    if (this.#length === this.#buffer.length) {
      if (this.#length >= this.maxBytes) throw tooLong(this.maxBytes);
      const bigger = Buffer.allocUnsafe(Math.min(this.#length * 2, this.maxBytes));
      this.#buffer.copy(bigger);
      this.#buffer = bigger;
    }
    this.#buffer[this.#length++] = byte;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}

/**
 * How many bytes an .xz file decompresses to, from the headers of its LZMA2 chunks: each says how many bytes it makes,
 * and a decoder makes exactly so many. (The index at the end says it too, but is only checked after the fact.)
 * Format: the .xz file format 1.1.0, sections 2 and 3; LZMA2's chunk headers.
 *
 * @throws Error for anything that is no complete .xz of LZMA2 blocks.
 */
export function xzOutputSize(bytes: Uint8Array): number {
  const walker = new Walker(bytes);
  return walker.stream();
}

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
/** Bytes of the check after each block, by its type. */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

class Walker {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  #skip(count: number): void {
    this.#at += count;
    if (this.#at > this.bytes.length) throw new Error("the .xz data ends too early");
  }

  #u8(): number {
    this.#skip(1);
    return this.bytes[this.#at - 1] as number;
  }

  #u16(): number {
    return this.#u8() * 256 + this.#u8();
  }

  stream(): number {
    for (const byte of MAGIC) if (this.#u8() !== byte) throw new Error("not .xz data");
    this.#skip(1);
    const check = CHECK_SIZES[this.#u8() & 15] ?? 0;
    this.#skip(4);
    let size = 0;
    // A zero in place of a block header's size starts the index.
    for (let header = this.#u8(); header !== 0; header = this.#u8()) {
      const start = this.#at - 1;
      this.#skip((header + 1) * 4 - 1);
      size += this.#chunks();
      while ((this.#at - start) % 4 !== 0) this.#skip(1);
      this.#skip(check);
    }
    return size;
  }

  #chunks(): number {
    let size = 0;
    for (let control = this.#u8(); control !== 0; control = this.#u8()) {
      if (control >= 0x80) {
        size += (control & 0x1f) * 65536 + this.#u16() + 1;
        const packed = this.#u16() + 1;
        // From 0xc0 on the chunk brings new properties of one byte.
        this.#skip(packed + (control >= 0xc0 ? 1 : 0));
      } else if (control <= 2) {
        const plain = this.#u16() + 1;
        size += plain;
        this.#skip(plain);
      } else throw new Error("not an LZMA2 chunk");
    }
    return size;
  }
}

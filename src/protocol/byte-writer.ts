/** A buffer that grows: the pickle writer appends to it. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  /** Makes room and gives the place to write at: the caller fills exactly `size` bytes. */
  #claim(size: number): number {
    const at = this.#length;
    const needed = at + size;
    if (needed > this.#buffer.length) {
      const bigger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(bigger, 0, 0, at);
      this.#buffer = bigger;
    }
    this.#length = needed;
    return at;
  }

  u8(value: number): void {
    const at = this.#claim(1);
    this.#buffer[at] = value;
  }

  /** One byte (an opcode), then an unsigned little-endian integer of 1, 2 or 4 bytes. */
  tagged(tag: number, value: number, size: 1 | 2 | 4): void {
    const at = this.#claim(1 + size);
    const buffer = this.#buffer;
    buffer[at] = tag;
    for (let i = 0; i < size; i++) buffer[at + i + 1] = value >>> (8 * i);
  }

  f64be(value: number): void {
    const at = this.#claim(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#claim(value.length);
    this.#buffer.set(value, at);
  }

  /** UTF-8 of the text, whose length in bytes the caller has counted. */
  utf8(text: string, byteLength: number): void {
    const at = this.#claim(byteLength);
    if (byteLength === text.length) this.#buffer.write(text, at, byteLength, "latin1");
    else this.#buffer.write(text, at, byteLength, "utf8");
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}

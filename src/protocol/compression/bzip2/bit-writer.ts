/** Bits into bytes, the highest first. */
export class BitWriter {
  #buffer = Buffer.alloc(1024);
  #length = 0;
  #bits = 0;
  #count = 0;

  /** At most 24 bits at once. */
  write(value: number, bits: number): void {
    this.#bits = (this.#bits << bits) | value;
    this.#count += bits;
    while (this.#count >= 8) {
      this.#count -= 8;
      this.#byte((this.#bits >>> this.#count) & 0xff);
      this.#bits &= (1 << this.#count) - 1;
    }
  }

  write32(value: number): void {
    this.write(value >>> 16, 16);
    this.write(value & 0xffff, 16);
  }

  #byte(value: number): void {
    if (this.#length === this.#buffer.length) {
      const bigger = Buffer.alloc(this.#length * 2);
      this.#buffer.copy(bigger);
      this.#buffer = bigger;
    }
    this.#buffer[this.#length++] = value;
  }

  finish(): Uint8Array {
    if (this.#count > 0) this.write(0, 8 - this.#count);
    return this.#buffer.subarray(0, this.#length);
  }
}

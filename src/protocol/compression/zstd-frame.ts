/** The little of RFC 8878 that reading a frame's header and writing a frame of plain blocks needs. */

const MAGIC = 0xfd2fb528;
const MAX_BLOCK = 128 * 1024;

/** The memory that decoding the first frame asks for. @throws Error when there is no frame header. */
export function zstdWindowSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== MAGIC) throw new Error("not a zstd frame");
  const descriptor = view.getUint8(4);
  if ((descriptor & 0x20) === 0) {
    const window = view.getUint8(5);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const sizes = [1, 2, 4, 8] as const;
  const size = sizes[descriptor >> 6] ?? 1;
  if (bytes.length < at + size) throw new Error("the zstd frame header ends too early");
  if (size === 8) return Number(view.getBigUint64(at, true));
  return size === 4 ? view.getUint32(at, true) : size === 2 ? view.getUint16(at, true) + 256 : view.getUint8(at);
}

/** A frame whose blocks are stored as they are, or as one byte with a count where they consist of it. */
export function storeZstd(bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32LE(MAGIC, 0);
  // Content size of eight bytes, single segment: the window is the content.
  header[4] = 0xe0;
  header.writeBigUInt64LE(BigInt(bytes.length), 5);
  const parts: Uint8Array[] = [header];
  for (let at = 0; at === 0 || at < bytes.length; at += MAX_BLOCK) {
    const block = bytes.subarray(at, at + MAX_BLOCK);
    const isLast = at + MAX_BLOCK >= bytes.length;
    const isRun = block.length > 1 && block.every((byte) => byte === block[0]);
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (isRun ? 2 : 0) | (isLast ? 1 : 0), 0, 3);
    parts.push(head, isRun ? block.subarray(0, 1) : block);
  }
  return Buffer.concat(parts);
}

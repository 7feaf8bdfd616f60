import { requirePeer } from "../../util/load-peer.js";

/** An integral float, or an integer from 2^32 on: msgpackr's own forms of them are not the ones Python writes. */
export class Exact {
  /** @param tag 0xcb for a float64, 0xcf for a uint64. */
  constructor(
    readonly tag: 0xcb | 0xcf,
    readonly value: number | bigint,
  ) {}
}

interface Packr {
  pack(value: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
  useBuffer(buffer: Uint8Array): void;
}

type Allocate = (size: number) => { readonly target: Uint8Array; readonly targetView: DataView; position: number };

interface MsgpackrPackage {
  readonly Packr: new (options: object) => Packr;
  readonly addExtension: (extension: {
    readonly Class: typeof Exact;
    readonly type: number;
    readonly pack: typeof writeExact;
  }) => void;
}

let loaded: Packr | undefined;

/**
 * The package msgpackr, an optional peer: it brings an install script, so only who uses msgpack installs it.
 * @throws ImproperlyConfigured when it is not installed.
 */
export function msgpackr(): Packr {
  if (loaded) return loaded;
  const { Packr, addExtension } = requirePeer<MsgpackrPackage>("msgpackr", 'the serializer "msgpack"');
  // Extensions belong to the whole process. This one touches nobody else: the class is ours, and no byte is type 256.
  addExtension({ Class: Exact, type: 256, pack: writeExact });
  // Maps as `Map` and every 64-bit integer as `bigint`: what comes of them is decided by the reader, without loss.
  loaded = new Packr({ useRecords: false, variableMapSize: true, mapsAsObjects: false, int64AsType: "bigint" });
  return loaded;
}

function writeExact({ tag, value }: Exact, allocate: Allocate): void {
  const { target, targetView, position } = allocate(9);
  target[position] = tag;
  if (typeof value === "bigint") targetView.setBigUint64(position + 1, value);
  else targetView.setFloat64(position + 1, value);
}

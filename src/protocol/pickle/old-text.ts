/** The text forms of protocol 0, and text that UTF-8 proper cannot hold. */

const ESCAPES: Readonly<Record<string, number>> = {
  "\\": 0x5c,
  "'": 0x27,
  '"': 0x22,
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

/** Python 2's `repr` of a byte string (`'a\x00b'`), or null when it is malformed. */
export function parseString(text: string): Uint8Array | null {
  const body = /^(['"])(.*)\1$/s.exec(text)?.[2];
  if (body === undefined) return null;
  let bad = false;
  const plain = body.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S]|$)/g, (_, escape: string) => {
    if (/^x../.test(escape)) return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8) & 0xff);
    const unit = ESCAPES[escape];
    if (unit === undefined) bad = true;
    return String.fromCharCode(unit ?? 0);
  });
  return bad ? null : Buffer.from(plain, "latin1");
}

/** Python's raw-unicode-escape: Latin-1 with `\uXXXX` and `\UXXXXXXXX`. */
export function parseUnicode(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (all, short?: string, long?: string) => {
    const point = parseInt(short ?? long ?? "", 16);
    return point > 0x10ffff ? all : String.fromCodePoint(point);
  });
}

/** Text with lone surrogates (Python's `surrogatepass`: ED A0..BF xx), or null when the bytes hold none. */
export function textWithSurrogates(bytes: Buffer): string | null {
  if (!bytes.includes(0xed)) return null;
  const latin1 = bytes.toString("latin1");
  const parts = latin1.split(/(\xed[\xa0-\xbf][\x80-\xbf])/);
  if (parts.length === 1) return null;
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return parts.map((part, i) => (i % 2 === 1 ? surrogate(part) : utf8.decode(Buffer.from(part, "latin1")))).join("");
  } catch {
    return null;
  }
}

const surrogate = (part: string): string =>
  String.fromCharCode(0xd000 | ((part.charCodeAt(1) & 0x3f) << 6) | (part.charCodeAt(2) & 0x3f));

/** UTF-8 as Python's pickle writes it: lone surrogates in three bytes each. */
export function encodeSurrogatePass(text: string): Buffer {
  if (!/\p{Surrogate}/u.test(text)) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  for (const char of text) {
    const unit = char.charCodeAt(0);
    parts.push(
      char.length === 1 && unit >= 0xd800 && unit <= 0xdfff
        ? Buffer.from([0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)])
        : Buffer.from(char, "utf8"),
    );
  }
  return Buffer.concat(parts);
}

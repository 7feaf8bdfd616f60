/**
 * Python's `fnmatch` patterns (`*`, `?`, `[seq]`, `[!seq]`), as control messages and `task_routes` use them
 * (fnmatch.translate; nothing quotes a wildcard except a set such as `[*]`). The whole text has to match.
 */
export function fnmatchRegex(glob: string): RegExp {
  return new RegExp(`^${joinStars(pieces([...glob]))}$`, "su");
}

const STAR = "*";
const literal = (char: string): string => (/[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char);
const inSet = (char: string): string => (/[\^$\\.*+?()[\]{}|/-]/.test(char) ? `\\${char}` : char);

function pieces(glob: readonly string[]): string[] {
  const result: string[] = [];
  let at = 0;
  while (at < glob.length) {
    const char = glob[at++] as string;
    if (char === "*") {
      if (result.at(-1) !== STAR) result.push(STAR);
    } else if (char === "?") result.push(".");
    else if (char === "[") {
      const end = setEnd(glob, at);
      if (end < 0) result.push("\\[");
      else {
        result.push(charSet(glob.slice(at, end)));
        at = end + 1;
      }
    } else result.push(literal(char));
  }
  return result;
}

/** The index of the bracket that closes a set, or -1: the first character (after `!`) may be a bracket itself. */
function setEnd(glob: readonly string[], start: number): number {
  let at = start;
  if (glob[at] === "!") at++;
  if (glob[at] === "]") at++;
  return glob.indexOf("]", at);
}

function charSet(chars: readonly string[]): string {
  const runs = splitRanges(chars);
  const negated = runs[0]?.[0] === "!";
  if (negated) runs[0] = (runs[0] as string[]).slice(1);
  const text = runs.map((run) => run.map(inSet).join("")).join("-");
  if (text === "") return negated ? "." : "(?!)";
  return negated ? `[^${text}]` : `[${text}]`;
}

/** The set cut at the hyphens that make ranges; ranges that run backwards are taken out, as Python does. */
function splitRanges(chars: readonly string[]): string[][] {
  const runs: string[][] = [];
  let start = 0;
  let at = chars[0] === "!" ? 2 : 1;
  while ((at = chars.indexOf("-", at)) >= 0) {
    runs.push(chars.slice(start, at));
    start = at + 1;
    at += 3;
  }
  const rest = chars.slice(start);
  if (rest.length > 0) runs.push(rest);
  else runs.at(-1)?.push("-");
  for (let k = runs.length - 1; k > 0; k--) {
    const low = runs[k - 1] as string[];
    const high = runs[k] as string[];
    if (codePoint(low.at(-1)) > codePoint(high[0])) runs.splice(k - 1, 2, [...low.slice(0, -1), ...high.slice(1)]);
  }
  return runs;
}

const codePoint = (char: string | undefined): number => char?.codePointAt(0) ?? 0;

/**
 * A star between fixed parts takes as little as it can and never gives back: JavaScript has no atomic groups, so a
 * look-ahead with a back-reference stands for one. This keeps matching from taking exponential time.
 */
function joinStars(parts: readonly string[]): string {
  const last = parts.lastIndexOf(STAR);
  if (last < 0) return parts.join("");
  const first = parts.indexOf(STAR);
  let text = parts.slice(0, first).join("");
  let groups = 0;
  let at = first;
  while (at < last) {
    const next = parts.indexOf(STAR, at + 1);
    text += `(?=(.*?${parts.slice(at + 1, next).join("")}))\\${++groups}`;
    at = next;
  }
  // a digit after the back-reference would become part of its number
  return `${text}(?:.*)${parts.slice(last + 1).join("")}`;
}

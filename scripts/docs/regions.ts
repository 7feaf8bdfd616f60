/** The generated parts of a page: what stands between `<!-- name -->` and `<!-- /name -->`. */
import { format } from "prettier";

/** The page with one part replaced. Throws when its markers are not there. */
export function withRegion(page: string, name: string, body: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${body.trim()}\n\n${page.slice(to)}`;
}

/** Names of the parts that hold a file: `<!-- file: examples/… -->`. */
export const filesIn = (page: string): string[] =>
  Array.from(page.matchAll(/^<!-- file: (\S+) -->$/gm), ([, path = ""]) => path);

export const codeBlock = (path: string, text: string): string =>
  `\`\`\`${path.split(".").at(-1)}\n${text.trimEnd()}\n\`\`\``;

/** A Markdown table; cells may hold anything but a line break. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");

/** As the format step wants it. */
export const formatted = (page: string): Promise<string> =>
  format(page, { parser: "markdown", printWidth: 120, trailingComma: "all" });

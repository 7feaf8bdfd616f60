import { newestCelery } from "../python/venvs.mjs";
import { calls } from "./calls.js";
import { baseline, directions, inWords, markOf } from "./report.js";
import type { Direction, PairReport, Report } from "./report.js";

/** Where the page is, from the root of the project. */
export const pagePath = "docs/compatibility.md";

const titles: Readonly<Record<Direction, readonly [title: string, about: string]>> = {
  "node-to-python": ["Node calls Python", "A program that uses celeriac calls the tasks of a Python Celery worker."],
  "python-to-node": ["Python calls Node", "A Python program that uses Celery calls the tasks of a celeriac worker."],
  "python-to-python": [
    "Python calls Python",
    "The same calls with Celery on both sides: what it does not do with a pair, nobody can expect of celeriac.",
  ],
};

/** The whole page, in Markdown (not yet in prettier's form). */
export function page(report: Report): string {
  const notes = new Notes();
  const tables = directions.map((direction) => section(report, direction, notes));
  return `# Compatibility

<!-- Written by \`npm run matrix\`: do not edit. -->

Every broker with every result backend, in both directions, over real servers: run on ${report.date} with Celery ${newestCelery}, in ${report.minutes.toFixed(1)} minutes. Rows are brokers, columns are result backends, by their names in \`interop-tests/drivers\`.

${tables.join("\n")}
✔ every call did what it should. ✘ it did not, although Celery on both sides does. – Celery on both sides did not do it either. A number leads to the error's own words. One run is one sample: Celery's filesystem transport, for one, now and then reads a message that is still being written, and loses it.

${notes.text()}
## The calls of a cell

${calls.map(({ name, means }) => `- ${name}: ${means}`).join("\n")}

## Versions, as each says itself

${Object.entries(report.programs)
  .map(([side, list]) => `- ${side}: ${list.map(([name, version]) => `${name} ${version}`).join(", ")}`)
  .join("\n")}

## To repeat it

\`\`\`sh
npm run matrix                        # everything; writes this page
DRIVERS=redis,amqp,rpc npm run matrix # a part, shown but not written
npm run matrix -- --check             # whether this page has every driver, without a run
\`\`\`

It installs what it needs as \`npm test\` does ([testing.md](testing.md)), and ends with an error when something fails that Celery itself can do.
`;
}

/** Texts at the end of the page, each once. */
class Notes {
  readonly #list: string[] = [];

  mark(text: string): string {
    if (!this.#list.includes(text)) this.#list.push(text);
    return `[^${this.#list.indexOf(text) + 1}]`;
  }

  text(): string {
    return this.#list.map((text, index) => `[^${index + 1}]: ${text}\n`).join("\n");
  }
}

function section(report: Report, direction: Direction, notes: Notes): string {
  const [title, about] = titles[direction];
  const lines = report.rows.map((broker) => [
    `\`${broker}\``,
    ...report.columns.map((backend) => {
      const pair = report.pairs.find((one) => one.broker === broker && one.backend === backend);
      return pair ? cell(pair, direction, notes) : "";
    }),
  ]);
  return `## ${title}\n\n${about}\n\n${table(["", ...report.columns.map((name) => `\`${name}\``)], lines)}`;
}

function cell(pair: PairReport, direction: Direction, notes: Notes): string {
  const celery = pair.cells[baseline];
  switch (markOf(pair, direction)) {
    case "works":
      return celery.length === 0 ? "✔" : `✔${notes.mark(`Celery on both sides: ${escape(inWords(celery))}`)}`;
    case "fails":
      return `✘${notes.mark(escape(inWords(pair.cells[direction])))}`;
    case "impossible": {
      const ours = direction === baseline ? "" : `; celeriac: ${escape(inWords(pair.cells[direction]))}`;
      return `–${notes.mark(`Celery on both sides: ${escape(inWords(celery))}${ours}`)}`;
    }
  }
}

/** Words of programs as they are: nothing in them is Markdown. */
const escape = (text: string): string => text.replaceAll(/[\\`*_<>[\]|#~]/g, "\\$&");

const table = (head: readonly string[], lines: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |\n`).join("");

/** What a written page lacks: every table must have exactly these rows and columns, of the newest Celery. */
export function problemsOf(text: string, rows: readonly string[], columns: readonly string[]): string[] {
  const problems: string[] = [];
  if (!text.includes(`with Celery ${newestCelery},`)) problems.push(`it was not written with Celery ${newestCelery}`);
  for (const [title] of Object.values(titles)) {
    const part = text.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
    const lines = part.split("\n").filter((line) => line.startsWith("|"));
    const names = (line = ""): string[] => [...line.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    const compare = (what: string, found: readonly string[], wanted: readonly string[]): void => {
      for (const name of wanted) if (!found.includes(name)) problems.push(`"${title}" has no ${what} ${name}`);
      for (const name of found)
        if (!wanted.includes(name)) problems.push(`"${title}" has the ${what} ${name}, which is no driver`);
    };
    compare("column", names(lines[0]), columns);
    compare(
      "row",
      lines.slice(2).flatMap((line) => names(line.split("|")[1])),
      rows,
    );
    for (const line of lines.slice(2))
      if (
        line
          .split("|")
          .slice(2, -1)
          .some((one) => one.trim() === "")
      )
        problems.push(`"${title}" has an empty cell in the row ${names(line).join("")}`);
  }
  return problems;
}

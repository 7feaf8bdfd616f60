/**
 * Writes the generated parts of the pages in docs/: the tables of drivers, from what the drivers declare, and the code
 * of examples, from the files that are tested. `--check` writes nothing and fails when something would change.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { backendsTable } from "./docs/backends-table.js";
import { brokersTables } from "./docs/brokers-table.js";
import { codeBlock, filesIn, formatted, withRegion } from "./docs/regions.js";

const root = fileURLToPath(new URL("../", import.meta.url));
const check = process.argv.includes("--check");

const tables: Readonly<Record<string, (page: string, problem: (sentence: string) => void) => Promise<string>>> = {
  "brokers.md": brokersTables,
  "backends.md": backendsTable,
};

let problems = 0;
for (const name of readdirSync(join(root, "docs")).filter((one) => one.endsWith(".md"))) {
  const path = join(root, "docs", name);
  const before = readFileSync(path, "utf8");
  const problem = (sentence: string): void => {
    console.error(`docs/${name}: ${sentence}`);
    problems++;
  };
  try {
    let page = before;
    for (const file of filesIn(page))
      page = withRegion(page, `file: ${file}`, codeBlock(file, readFileSync(join(root, file), "utf8")));
    const makeTables = tables[name];
    if (makeTables) page = withRegion(page, "capabilities", await makeTables(page, problem));
    // Nothing is generated in most pages: those are left as they are.
    if (page === before || (page = await formatted(page)) === before) continue;
    if (!check) writeFileSync(path, page);
    console.log(`docs/${name} ${check ? "is not up to date: npm run docs" : "written"}`);
    if (check) problems++;
  } catch (error) {
    problem((error as Error).message);
  }
}
if (problems > 0) process.exitCode = 1;
else if (check) console.log("the pages are up to date");

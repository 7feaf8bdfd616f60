import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { steps } from "./testing/steps.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const GLOB = "**/*.test.ts";
const IGNORE = "--ignore=";

describe("the steps of npm test", () => {
  it("run every test file", async () => {
    const runs = ({ args = [], folder }: (typeof steps)[number], file: string): boolean =>
      args.some((arg) => (arg.endsWith(`/${GLOB}`) ? file.startsWith(arg.slice(0, -GLOB.length)) : file === arg))
        ? !args.includes(`${IGNORE}${file}`)
        : folder !== undefined && file.startsWith(`${folder}/`);
    const left: string[] = [];
    const twice: string[] = [];
    for (const folder of ["src", "scripts", "interop-tests", "python-fixtures", "bench", "examples"])
      for (const name of await readdir(join(root, folder), { recursive: true })) {
        const file = `${folder}/${name}`;
        if (!file.endsWith(".test.ts")) continue;
        const count = steps.filter((step) => runs(step, file)).length;
        if (count === 0) left.push(file);
        if (count > 1) twice.push(file);
      }
    assert.deepEqual({ left, twice }, { left: [], twice: [] });
  });
});

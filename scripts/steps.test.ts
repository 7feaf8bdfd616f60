import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { steps } from "./testing/steps.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const GLOB = "**/*.test.ts";

describe("the steps of npm test", () => {
  it("run every test file", async () => {
    const patterns = steps.flatMap(({ args = [] }) => args.filter((arg) => arg.endsWith(".test.ts")));
    assert.deepEqual(
      patterns.filter((pattern) => !pattern.endsWith(`/${GLOB}`)),
      [],
      "whole folders only",
    );
    const run = [
      ...patterns.map((pattern) => pattern.slice(0, -GLOB.length)),
      ...steps.flatMap(({ folder }) => (folder ? [`${folder}/`] : [])),
    ];
    const left: string[] = [];
    for (const folder of ["src", "scripts", "interop-tests", "python-fixtures", "bench", "examples"])
      for (const name of await readdir(join(root, folder), { recursive: true })) {
        const file = `${folder}/${name}`;
        if (file.endsWith(".test.ts") && !run.some((prefix) => file.startsWith(prefix))) left.push(file);
      }
    assert.deepEqual(left, []);
  });
});

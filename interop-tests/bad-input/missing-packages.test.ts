import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Outcome } from "./use-all.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Manifest {
  readonly peerDependencies: Readonly<Record<string, string>>;
}

describe("bad input: packages that are not installed", function () {
  this.timeout(60_000);

  it("every driver that needs one says which, and how to get it", async () => {
    const { peerDependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Manifest;
    const here = "./interop-tests/bad-input";
    const args = ["--import", "tsx", "--import", `${here}/hide-packages.mjs`, `${here}/use-all.ts`];
    const env = { ...process.env, HIDDEN: Object.keys(peerDependencies).join(",") };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
    const outcomes = JSON.parse(stdout) as Outcome[];
    // Newer versions of Node have a SQLite of their own.
    const builtIn = ({ driver }: Outcome): boolean => driver.startsWith("db+sqlite:") && isBuiltin("node:sqlite");
    const needing = outcomes.filter((one) => one.packages.length > 0 && !builtIn(one));
    assert.ok(needing.length >= 6, stdout);
    for (const { driver, packages, error } of needing) {
      assert.ok(error, `${driver} works without ${packages.join(", ")}?`);
      const [name, message] = error;
      assert.equal(name, "ImproperlyConfigured", `${driver}: ${message}`);
      const wanted = /npm install (\S+)/.exec(message)?.[1] ?? "";
      assert.ok(packages.includes(wanted), `${driver} needs one of ${packages.join(", ")}; it says: ${message}`);
    }
  });
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseAppName, resolveModule } from "./load-app.js";

describe("-A", () => {
  for (const [text, module, name] of [
    ["proj", "proj", null],
    ["./app.js", "./app.js", null],
    ["./app.js:worker", "./app.js", "worker"],
    ["@scope/pkg/app:app", "@scope/pkg/app", "app"],
    ["C:\\proj\\app.js", "C:\\proj\\app.js", null],
    ["C:\\proj\\app.js:app", "C:\\proj\\app.js", "app"],
    ["file:///proj/app.js", "file:///proj/app.js", null],
    ["file:///proj/app.js:$app1", "file:///proj/app.js", "$app1"],
  ] as const)
    it(`${text} is ${module}, ${name}`, () => assert.deepEqual(parseAppName(text), { module, export: name }));

  it("names a file with or without its extension, or a package", () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-load-"));
    try {
      for (const name of ["a.js", "b.ts", "c.mts", "dir.name.js"]) writeFileSync(join(folder, name), "");
      const pkg = join(folder, "node_modules", "pkg");
      mkdirSync(pkg, { recursive: true });
      writeFileSync(join(pkg, "package.json"), '{ "name": "pkg", "main": "main.js" }');
      writeFileSync(join(pkg, "main.js"), "");
      const url = (...path: string[]): string => pathToFileURL(join(folder, ...path)).href;
      for (const [name, found] of [
        ["a", url("a.js")],
        ["./a.js", url("a.js")],
        [join(folder, "a.js"), url("a.js")],
        [url("a.js"), url("a.js")],
        ["b", url("b.ts")],
        ["b.js", url("b.ts")],
        ["c.mjs", url("c.mts")],
        ["dir.name", url("dir.name.js")],
        ["pkg", pathToFileURL(join(pkg, "main.js")).href],
        ["nope", null],
        ["./nope.js", null],
        ["/nope", null],
      ] as const)
        assert.equal(resolveModule(name, folder), found, name);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

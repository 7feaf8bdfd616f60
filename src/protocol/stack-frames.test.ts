import assert from "node:assert/strict";
import { stackFrames } from "./stack-frames.js";

describe("frames of a stack", () => {
  const cases: readonly [line: string, frame: readonly [file: string, line: string, fn: string] | null][] = [
    ["at add (file:///app/a%20b.js:3:14)", ["/app/a b.js", "3", "add"]],
    ["at file:///app/a.js:3:14", ["/app/a.js", "3", "<module>"]],
    ["at async Promise.then (node:internal/x:1:2)", ["node:internal/x", "1", "Promise.then"]],
    ["at async file:///app/a.js:3:14", ["/app/a.js", "3", "<module>"]],
    ["at new Shop (/app/a.js:3:14)", ["/app/a.js", "3", "Shop"]],
    ["at Shop.buy [as handler] (/app/a.js:3:14)", ["/app/a.js", "3", "Shop.buy"]],
    ["at Object.<anonymous> (/app/a.js:3:14)", ["/app/a.js", "3", "<module>"]],
    ["at add (C:\\Program Files (x86)\\a.js:3:14)", ["C:\\Program Files (x86)\\a.js", "3", "add"]],
    ["at C:\\Program Files (x86)\\a.js:3:14", ["C:\\Program Files (x86)\\a.js", "3", "<module>"]],
    ["at /app/(group)/a.js:3:14", ["/app/(group)/a.js", "3", "<module>"]],
    ["at eval (eval at add (/app/a.js:3:14), <anonymous>:1:1)", null],
    ["at async Promise.all (index 0)", null],
    ["at new Promise (<anonymous>)", null],
  ];
  for (const [line, frame] of cases)
    it(`are read: ${line}`, () => {
      const found = stackFrames(`Error: m\n    ${line}`, "m").map(({ file, line: number, fn }) => [file, number, fn]);
      assert.deepEqual(found, frame ? [frame] : []);
    });
});

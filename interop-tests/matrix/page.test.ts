import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { page, pagePath, problemsOf } from "./page.js";
import { columns, rows } from "./pairs.js";
import { faults } from "./report.js";
import type { Cell, PairReport, Report } from "./report.js";

const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);

describe("docs/compatibility.md", () => {
  it("has every driver: else run npm run matrix", () => {
    const text = readFileSync(fileURLToPath(new URL(`../../${pagePath}`, import.meta.url)), "utf8");
    assert.deepEqual(problemsOf(text, names(rows), names(columns)), []);
  });
});

describe("the page of the matrix", () => {
  const good: Cell = [];
  const bad: Cell = [{ call: "value", error: "no *answer*" }];
  const pair = (broker: string, backend: string, cells: Partial<PairReport["cells"]> = {}): PairReport => ({
    broker,
    backend,
    cells: { "node-to-python": good, "python-to-node": good, "python-to-python": good, ...cells },
  });
  const report: Report = {
    date: "2026-01-31",
    minutes: 1.26,
    programs: {
      Node: [],
      Python: [["celery", "5"]],
      Servers: [
        ["Redis", "7.0"],
        ["RabbitMQ", "3"],
      ],
    },
    rows: ["one", "two"],
    columns: ["a", "b"],
    pairs: [
      pair("one", "a"),
      pair("one", "b", { "node-to-python": bad }),
      pair("two", "a", { "python-to-python": bad }),
      pair("two", "b", { "python-to-node": bad, "python-to-python": bad }),
    ],
  };
  const section = (title: string): string => page(report).split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";

  it("tells what works from what fails and from what Celery cannot do either", () => {
    assert.match(section("Node calls Python"), /^\| `one` \| ✔ \| ✘\[\^1\] \|$/m);
    assert.match(section("Node calls Python"), /^\| `two` \| ✔\[\^2\] \| ✔\[\^2\] \|$/m);
    assert.match(section("Python calls Node"), /^\| `one` \| ✔ \| ✔ \|$/m);
    assert.match(section("Python calls Node"), /^\| `two` \| ✔\[\^2\] \| –\[\^3\] \|$/m);
    assert.match(section("Python calls Python"), /^\| `two` \| –\[\^2\] \| –\[\^2\] \|$/m);
    const notes = page(report).match(/^\[\^\d\]: .*$/gm);
    assert.deepEqual(notes, [
      "[^1]: value: no \\*answer\\*",
      "[^2]: Celery on both sides: value: no \\*answer\\*",
      "[^3]: Celery on both sides: value: no \\*answer\\*; celeriac: value: no \\*answer\\*",
    ]);
    assert.match(page(report), /run on 2026-01-31 .* in 1\.3 minutes/);
    assert.match(page(report), /^- Servers: Redis 7\.0, RabbitMQ 3$/m);
  });

  it("counts as our fault only what Celery can do", () => {
    assert.deepEqual(faults(report), ["one with b, node-to-python: value: no *answer*"]);
    assert.deepEqual(faults({ pairs: [pair("one", "a"), pair("two", "b", { "python-to-python": bad })] }), []);
  });

  it("is compared with the lists of drivers", () => {
    const text = page(report);
    assert.deepEqual(problemsOf(text, ["one", "two"], ["a", "b"]), []);
    assert.deepEqual(problemsOf(text, ["one", "two", "three"], ["a", "b", "c"]), [
      ...["Node calls Python", "Python calls Node", "Python calls Python"].flatMap((title) => [
        `"${title}" has no column c`,
        `"${title}" has no row three`,
      ]),
    ]);
    assert.equal(problemsOf(text, ["one"], ["a", "b"]).length, 3);
    assert.equal(problemsOf(page({ ...report, pairs: report.pairs.slice(1) }), ["one", "two"], ["a", "b"]).length, 3);
    assert.equal(problemsOf("", ["one"], []).length, 4);
  });
});

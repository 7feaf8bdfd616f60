/**
 * The steps of `npm test`, in order. `needs`: what must be prepared first; `build` is the step of that name. `calm`: may
 * run beside another step. `groups`: further names for `--only` and `--skip`.
 */

const node = process.execPath;
const bin = (name, ...args) => ({ program: node, args: [`node_modules/${name}`, ...args] });
// Steps run behind a pipe, where mocha would guess.
const colour = [process.stdout.isTTY ? "--color" : "--no-color"];
const mocha = (...files) => ({
  mocha: true,
  ...bin("mocha/bin/mocha.js", "--reporter", "scripts/testing/mocha-reporter.mjs", ...colour, ...files),
});

const within = (folder) => `${folder}/**/*.test.ts`;
const interop = (...parts) =>
  mocha(...parts.map((part) => (part.startsWith("-") ? part : within(`interop-tests/${part}`))));
const needs = ["servers", "python"];
const backendsAlone = "interop-tests/conformance/backends.test.ts";

/** Paths of the command line programs inside their packages. */
const eslint = "eslint/bin/eslint.js";
const prettier = "prettier/bin/prettier.cjs";
const tsc = "typescript/bin/tsc";
const tsx = "tsx/dist/cli.mjs";

export const steps = [
  // Examples are linted against the package that was built, as a user's program would be.
  { name: "build", ...bin(tsx, "scripts/build.ts") },
  { name: "lint", needs: ["build"], calm: true, ...bin(eslint, ".", "--max-warnings", "0") },
  { name: "format", calm: true, ...bin(prettier, "--check", ".", "--log-level", "warn") },
  { name: "types", calm: true, ...bin(tsc, "-p", "tsconfig.json") },
  { name: "floors", calm: true, ...bin(tsx, "scripts/check-imports.ts") },
  { name: "docs", calm: true, ...bin(tsx, "scripts/docs.ts", "--check") },
  { name: "package", needs: ["build"], calm: true, ...bin(tsx, "scripts/check-package.ts") },
  { name: "demo", needs: ["python"], program: node, args: ["scripts/demo.mjs"] },
  { name: "unit", ...mocha(...["src", "scripts", "interop-tests/matrix"].map(within)) },
  // As in the project of a user: against the package that was built.
  {
    name: "examples",
    needs: ["build"],
    env: { TSX_TSCONFIG_PATH: "examples/tsconfig.json" },
    ...mocha(within("examples")),
  },
  { name: "fixtures", needs: ["python"], ...mocha("python-fixtures/**/*.test.ts") },
  { name: "servers", needs, ...interop("servers", "python") },
  // Brokers first: what the folders of `conformance` hold is about them, too.
  { name: "brokers", needs, groups: ["conformance"], ...interop("conformance", `--ignore=${backendsAlone}`) },
  { name: "backends", needs, groups: ["conformance"], ...mocha(backendsAlone, within("interop-tests/results")) },
  { name: "bad-input", needs, ...interop("bad-input") },
  { name: "node-to-python", needs, groups: ["interop"], ...interop("node-to-python") },
  { name: "python-to-node", needs, groups: ["interop"], ...interop("python-to-node") },
  { name: "worker-table", needs, groups: ["interop", "worker"], ...interop("worker-table") },
  { name: "remote", needs, groups: ["interop", "worker"], ...interop("remote") },
  { name: "cli", needs: ["build", ...needs], groups: ["interop", "worker"], ...interop("cli") },
  { name: "chaos", needs, groups: ["interop", "worker"], ...interop("chaos") },
  // It writes its totals as mocha does. Without CI set it uses a Docker engine that is there, and installs none.
  {
    name: "containers",
    mocha: true,
    program: node,
    args: ["scripts/interop-containers.mjs", "--if-available"],
    folder: "interop-tests/containers",
  },
];

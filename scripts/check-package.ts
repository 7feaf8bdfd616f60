/**
 * What a user gets: packs what was built, and looks at it. `publint` and `attw` find nothing, every export exists, no
 * `any` is reachable in the public types, and the tarball, installed into an empty project, runs a call over memory://
 * from an ES module and from `require`, and the published suites over a driver, with mocha and with node:test.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";

const root = fileURLToPath(new URL("../", import.meta.url));
const node = process.execPath;
const run = promisify(execFile);
const problems: string[] = [];

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

/** Runs a program of node_modules; its output becomes a problem when it fails. */
async function check(name: string, program: string, ...args: string[]): Promise<void> {
  await run(node, [join(root, "node_modules", program), ...args], { cwd: root, maxBuffer: 2 ** 26 }).catch(
    ({ stdout, stderr }: { stdout: string; stderr: string }) => problems.push(`${name}:\n${stdout}${stderr}`),
  );
}

/** The declaration files that `exports` names, with `*` filled in from what was built. */
function publicTypes(): string[] {
  return Object.entries(manifest.exports).flatMap(([name, target]) => {
    if (typeof target === "string") return [];
    for (const path of [target.types, target.default])
      if (!path.includes("*") && !existsSync(join(root, path)))
        problems.push(`exports ${name}: ${path} does not exist`);
    if (!target.types.includes("*")) return [join(root, target.types)];
    const [before = "", after = ""] = target.types.split("*");
    return readdirSync(join(root, before), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(root, before, entry.name) + after)
      .filter((path) => existsSync(path));
  });
}

/** Every place in the public declarations where `any` is written. */
function findAny(entries: readonly string[]): void {
  const seen = new Set<string>();
  const visitFile = (path: string): void => {
    if (seen.has(path) || !existsSync(path)) return;
    seen.add(path);
    const tree = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
    const visit = (one: ts.Node): void => {
      if (one.kind === ts.SyntaxKind.AnyKeyword) {
        const { line } = tree.getLineAndCharacterOfPosition(one.getStart());
        problems.push(
          `any in the public types: ${relative(root, path)}:${line + 1}: ${one.parent.getText().slice(0, 80)}`,
        );
      }
      if (ts.isStringLiteral(one) && one.text.startsWith("."))
        visitFile(resolve(dirname(path), one.text).replace(/\.js$/, ".d.ts"));
      ts.forEachChild(one, visit);
    };
    visit(tree);
  };
  for (const entry of entries) visitFile(entry);
}

const program = `
  const app = new Celery({ broker: "memory://package", backend: "memory://package" });
  const add = app.task("add", (x, y) => x + y);
  const worker = await new Worker(app).start();
  const sum = await add.delay(2, 3).get({ timeout: 10 });
  await worker.shutdown();
  await app.close();
  if (sum !== 5) throw new Error("2 + 3 = " + sum);
  console.log("called");`;

/** The threads of a worker load the application's module by themselves, and a busy loop in one of them is stopped. */
const threads = {
  "app.mjs": `
  import { Celery } from "celeriac";
  export const app = new Celery({ broker: "memory://package", backend: "memory://package" });
  app.task("add", (x, y) => x + y);
  app.task("busy", { timeLimit: 0.5 }, () => { for (;;); });`,
  "threads.mjs": `
  import { TimeLimitExceeded } from "celeriac";
  import { Worker } from "celeriac/worker";
  import { app } from "./app.mjs";
  const module = new URL("./app.mjs", import.meta.url);
  const worker = await new Worker(app, { pool: "threads", concurrency: 1, module }).start();
  const error = await app.sendTask("busy").get({ timeout: 10, propagate: false });
  const sum = await app.sendTask("add", [2, 3]).get({ timeout: 10 });
  await worker.shutdown();
  await app.close();
  if (sum !== 5 || !(error instanceof TimeLimitExceeded)) throw new Error(sum + ", " + error);
  console.log("called");`,
};

/** What a stranger writes to test a driver: the suites bring no test runner, `runner` is where `describe` and `it` are from. */
const suite = (runner: string): string => `${runner}
  import { backendOptions, brokerOptions } from "celeriac/drivers";
  import { backendConformance, brokerConformance } from "celeriac/testing";
  import openBackend from "celeriac/backends/memory";
  import openBroker from "celeriac/brokers/memory";

  describe("a broker", () => brokerConformance({ it, describe, open: () => openBroker("memory://mine", brokerOptions()) }));
  describe("a backend", () =>
    backendConformance({ it, describe, open: (changes) => openBackend("memory://mine", backendOptions(changes)) }));`;

/** The suites have to be found by the runner, and every test has to pass. */
async function trySuites(project: string): Promise<void> {
  const mocha = join(root, "node_modules/mocha/bin/mocha.js");
  const runs: readonly [what: string, runner: string, args: readonly string[], passed: RegExp][] = [
    ["mocha", "", [mocha, "--timeout", "20000"], /(\d+) passing/],
    ["node:test", 'import { describe, it } from "node:test";', ["--test", "--test-reporter=tap"], /^# pass (\d+)/m],
  ];
  for (const [what, runner, args, passed] of runs) {
    const file = `suite-${what.replace(":", "-")}.test.mjs`;
    writeFileSync(join(project, file), suite(runner));
    const { stdout } = await run(node, [...args, file], { cwd: project, timeout: 120_000, maxBuffer: 2 ** 26 }).catch(
      (error: { stdout: string; stderr: string }) => {
        problems.push(`the suites under ${what}:\n${error.stdout}${error.stderr}`);
        return error;
      },
    );
    const count = Number(passed.exec(stdout)?.[1] ?? 0);
    if (count < 40) problems.push(`under ${what} ${count} tests of the suites passed`);
  }
}

/** Installs the tarball into an empty project and runs the same call from both module systems. */
async function tryPackage(folder: string, tarball: string): Promise<void> {
  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "name": "consumer", "private": true, "version": "1.0.0" }');
  const npm = [
    "install",
    "--prefer-offline",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    tarball,
  ];
  await run("npm", npm, { cwd: project });
  const imports = 'import { Celery } from "celeriac";\nimport { Worker } from "celeriac/worker";';
  const requires = 'const { Celery } = require("celeriac");\nconst { Worker } = require("celeriac/worker");';
  writeFileSync(join(project, "module.mjs"), imports + program);
  writeFileSync(
    join(project, "common.cjs"),
    `${requires}(async () => {${program}})().catch((error) => { console.error(error); process.exitCode = 1; });`,
  );
  for (const [name, text] of Object.entries(threads)) writeFileSync(join(project, name), text);
  for (const file of ["module.mjs", "common.cjs", "threads.mjs"]) {
    // The time limit also catches a library that keeps the process open after close().
    const { stdout } = await run(node, [file], { cwd: project, timeout: 30_000 });
    if (stdout.trim() !== "called") problems.push(`${file} printed ${JSON.stringify(stdout)}`);
  }
  await trySuites(project);
}

const folder = mkdtempSync(join(tmpdir(), "celeriac-package-"));
try {
  if (!existsSync(join(root, "dist"))) throw new Error("dist/ is missing: npm run build");
  findAny(publicTypes());
  const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
  });
  const [{ filename = "" } = {}] = JSON.parse(packed.stdout) as { filename?: string }[];
  const tarball = join(folder, filename);
  await check("publint", "publint/src/cli.js", "--strict");
  await check("attw", "@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only", "--no-emoji");
  await tryPackage(folder, tarball);
} catch (error) {
  const { message, stderr = "", stdout = "" } = error as Error & { stderr?: string; stdout?: string };
  problems.push(`${message}\n${stdout}${stderr}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log("the package is sound");

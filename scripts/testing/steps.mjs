/**
 * The steps of `npm test`, in order. `needs`: what must be prepared first; `build` is the step of that name. `calm`: may
 * run beside another step.
 */

const node = process.execPath;
const bin = (name, ...args) => ({ program: node, args: [`node_modules/${name}`, ...args] });
// Steps run behind a pipe, where mocha would guess.
const colour = [process.stdout.isTTY ? "--color" : "--no-color"];
const mocha = (...files) => ({
  mocha: true,
  ...bin("mocha/bin/mocha.js", "--reporter", "scripts/testing/mocha-reporter.mjs", ...colour, ...files),
});

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
  { name: "package", needs: ["build"], calm: true, ...bin(tsx, "scripts/check-package.ts") },
  { name: "demo", needs: ["python"], program: node, args: ["scripts/demo.mjs"] },
  { name: "unit", ...mocha("src/**/*.test.ts", "scripts/**/*.test.ts") },
  { name: "fixtures", needs: ["python"], ...mocha("python-fixtures/**/*.test.ts") },
  {
    name: "conformance",
    needs: ["servers", "python"],
    ...mocha(
      ...["conformance", "results", "servers", "python"].map((folder) => `interop-tests/${folder}/**/*.test.ts`),
    ),
  },
  { name: "node-to-python", needs: ["servers", "python"], ...mocha("interop-tests/node-to-python/**/*.test.ts") },
  { name: "python-to-node", needs: ["servers", "python"], ...mocha("interop-tests/python-to-node/**/*.test.ts") },
  // It writes its totals as mocha does. Without CI set it uses a Docker engine that is there, and installs none.
  {
    name: "containers",
    mocha: true,
    program: node,
    args: ["scripts/interop-containers.mjs", "--if-available"],
    folder: "interop-tests/containers",
  },
];

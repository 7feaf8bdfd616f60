import { fileURLToPath } from "node:url";
import type { CeleryOptions } from "../../src/index.js";
import { startChild } from "../servers/children.js";
import type { Child } from "../servers/children.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The application of these tests, as `-A` names it. */
export const appModule = fileURLToPath(new URL("app.ts", import.meta.url));
/** The command that was built. */
export const built = `${root}dist/cli/main.js`;

export interface CommandOptions {
  /** More environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings of the application, over those of app.ts. */
  readonly conf?: Partial<CeleryOptions>;
  readonly cwd?: string;
  /** Default: from the sources, through tsx. */
  readonly built?: boolean;
}

/** Starts `celeriac` with these arguments. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): Child {
  const program = options.built ? [built] : ["--import", import.meta.resolve("tsx"), `${root}src/cli/main.ts`];
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CELERY|NO_COLOR|REMAP)/.test(name)),
  );
  const env = { ...own, ...(options.conf && { CLI_TEST_CONF: JSON.stringify(options.conf) }), ...options.env };
  return startChild(process.execPath, [...program, ...args], { env, cwd: options.cwd ?? root });
}

/** Starts `celeriac -A app.ts worker -l info` with these further arguments; resolves once it consumes. */
export function startWorker(args: readonly string[], options: CommandOptions = {}): Promise<Child> {
  return startCommand(["-A", appModule, "worker", "-l", "info", ...args], options).ready(30);
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = startCommand(args, options);
  const { code } = await child.ended;
  return { code, output: child.output };
}

/** What stands after a pattern's match in each place of the output. */
export const all = (output: string, pattern: RegExp): string[] =>
  [...output.matchAll(pattern)].map(([whole, part]) => part ?? whole);

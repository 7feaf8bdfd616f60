import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Celery } from "../client/app.js";
import { errorText } from "./error-text.js";
import { usageError } from "./exit-codes.js";
import type { GlobalOptions } from "./global-options.js";

/** An application and where it came from, so that threads can load it again. */
export interface LoadedApp {
  readonly app: Celery;
  /** As `-A` named it. */
  readonly name: string;
  /** File URL, or the name of a package. */
  readonly module: string;
  readonly export: string;
}

/** `module[:export]`; a colon within a URL or a Windows path belongs to the module. */
export function parseAppName(text: string): { readonly module: string; readonly export: string | null } {
  const match = /^(.+?)(?::([\p{ID_Start}$_][\p{ID_Continue}$.]*))?$/su.exec(text);
  return { module: match?.[1] ?? text, export: match?.[2] ?? null };
}

const EXTENSIONS = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];

/**
 * Where a module is: a file URL, a path (the extension may be left out, as may `.js` for a file that is `.ts`), or a
 * package as the folder sees it. Null when there is none.
 */
export function resolveModule(module: string, folder: string = process.cwd()): string | null {
  if (module.startsWith("file:")) return existsSync(fileURLToPath(module)) ? module : null;
  const path = resolve(folder, module);
  const typescript = path.replace(/\.([mc]?)js$/, ".$1ts");
  const candidates = [path, typescript, ...EXTENSIONS.map((extension) => path + extension)];
  const file = candidates.find((one) => existsSync(one) && statSync(one).isFile());
  if (file) return pathToFileURL(file).href;
  if (isAbsolute(module) || /^\.{0,2}[/\\]/.test(module)) return null;
  try {
    return pathToFileURL(createRequire(join(folder, "from-here.js")).resolve(module)).href;
  } catch (error) {
    // A package without anything for require: it may be found from here.
    return (error as NodeJS.ErrnoException).code === "ERR_PACKAGE_PATH_NOT_EXPORTED" ? module : null;
  }
}

/** Loads what `-A` names, with the broker and the result backend of the command line in their places. */
export async function loadApp(options: GlobalOptions): Promise<LoadedApp> {
  if (!options.app)
    throw usageError(
      "no application: name its module with -A, for example celeriac -A ./app.js worker (or in CELERY_APP)",
    );
  for (const one of options.import ?? []) await load(one);
  const { module, export: wanted } = parseAppName(options.app);
  const loaded = await load(module);
  const found = pick(loaded.exports, wanted, module);
  const { broker, resultBackend: backend } = options;
  if (broker || backend) found.app.override({ ...(broker && { broker }), ...(backend && { backend }) });
  return { ...found, name: options.app, module: loaded.url };
}

/** Loads a module by its name on the command line. */
export async function load(name: string): Promise<{ readonly url: string; readonly exports: object }> {
  const url = resolveModule(name);
  if (!url) throw usageError(`unable to load the application: the module ${name} was not found in ${process.cwd()}`);
  try {
    return { url, exports: (await import(url)) as object };
  } catch (error) {
    throw usageError(
      `unable to load the application: loading ${name} failed:\n${errorText(error)}${remedy(error, url)}`,
      error,
    );
  }
}

function remedy(error: unknown, url: string): string {
  const { code } = error as NodeJS.ErrnoException;
  const typescript = /\.[mc]?ts$/.test(url) && (code === "ERR_UNKNOWN_FILE_EXTENSION" || error instanceof SyntaxError);
  return typescript ? "\nFor TypeScript a loader is needed: npm install tsx, then celeriac --import tsx -A ..." : "";
}

function pick(exports: object, wanted: string | null, module: string): Pick<LoadedApp, "app" | "export"> {
  const all = new Map<string, unknown>(Object.entries(exports));
  if (wanted !== null) {
    if (!all.has(wanted)) throw usageError(`unable to load the application: ${module} has no export ${wanted}`);
    return { app: asApp(all.get(wanted), module, wanted), export: wanted };
  }
  const apps = [...all].filter(([, value]) => value instanceof Celery).map(([name]) => name);
  const name = ["app", "default"].find((one) => all.has(one)) ?? apps[0];
  if (name === undefined || (apps.length > 1 && !apps.includes(name)))
    throw usageError(
      `unable to load the application: ${module} exports no application: expected export const app = new Celery(...), or -A ${module}:name`,
    );
  return { app: asApp(all.get(name), module, name), export: name };
}

function asApp(value: unknown, module: string, name: string): Celery {
  if (value instanceof Celery) return value;
  const foreign = typeof value === "object" && value !== null && value.constructor.name === "Celery";
  throw usageError(
    foreign
      ? `unable to load the application: ${name} of ${module} was made by another copy of celeriac than the one that runs this command; use the command of the project (npx celeriac)`
      : `unable to load the application: ${name} of ${module} is no application; expected what new Celery(...) gives`,
  );
}

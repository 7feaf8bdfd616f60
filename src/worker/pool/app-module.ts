import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Celery } from "../../client/app.js";
import { ImproperlyConfigured } from "../../errors.js";

/** The URL of a module that is named by a file URL, or by a path that counts from the working directory. */
export function moduleUrl(module: string | URL): string {
  const text = String(module);
  return /^(?:file|data|node):/.test(text) ? text : pathToFileURL(resolve(text)).href;
}

/** Imports an application. Throws what the module throws, and `ImproperlyConfigured` when it exports no application. */
export async function importApp(url: string, name: string | null): Promise<Celery> {
  const exported = (await import(url)) as Readonly<Record<string, unknown>>;
  // All that a CommonJS module exports is its default export, whether its names could be seen or not.
  const whole = exported["default"];
  const inside = typeof whole === "object" && whole !== null ? (whole as Readonly<Record<string, unknown>>) : {};
  const found = name === null ? (exported["app"] ?? inside["app"] ?? whole) : (exported[name] ?? inside[name]);
  if (found instanceof Celery) return found;
  const what = name === null ? 'no application as "app" or as its default export' : `no application as "${name}"`;
  const other = typeof found === "object" && found?.constructor.name === "Celery";
  throw new ImproperlyConfigured(
    other
      ? "its application was made by another copy of celeriac than the one that runs the worker"
      : `it exports ${what}; name it with { export }`,
  );
}

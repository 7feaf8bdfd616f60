import { createRequire } from "node:module";
import { ImproperlyConfigured } from "../errors.js";

/** Loads an optional peer package; a missing one gives one clear sentence with the command that installs it. */
export async function loadPeer<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw missing(name, what, cause);
  }
}

/** The same where the code is synchronous, as all (de)coding is, and `import()` is no way. */
export function requirePeer<T>(name: string, what: string): T {
  try {
    return createRequire(import.meta.url)(name) as T;
  } catch (cause) {
    throw missing(name, what, cause);
  }
}

const missing = (name: string, what: string, cause: unknown): ImproperlyConfigured =>
  new ImproperlyConfigured(`${what} needs the package "${name}", which could not be loaded: npm install ${name}`, {
    cause,
  });

import { ImproperlyConfigured } from "../errors.js";

/** Loads an optional peer package; a missing one gives one clear sentence with the command that installs it. */
export async function loadPeer<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new ImproperlyConfigured(
      `${what} needs the package "${name}", which could not be loaded: npm install ${name}`,
      {
        cause,
      },
    );
  }
}

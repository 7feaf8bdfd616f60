import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";

/**
 * Names of files that changed, as far as the operating system tells (not on network folders): polling stays the
 * ground truth, this only makes it quick. Nothing is reported when watching is not possible.
 */
export function folderHints(folder: string, onHint: (name: string) => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name !== null) onHint(name);
    });
    watcher.on("error", () => watcher?.close());
  } catch {
    // No watching here: too many watches, or a folder that is not there.
  }
  return () => watcher?.close();
}

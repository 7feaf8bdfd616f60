import { access } from "node:fs/promises";
import { ImproperlyConfigured } from "../../errors.js";

/** Celery's `broker_transport_options` for folders (kombu/transport/filesystem.py), and two of ours. */
export interface FilesystemSettings {
  /** Where consumers look. */
  readonly folderIn: string;
  /** Where senders write. For Celery both are the same folder. */
  readonly folderOut: string;
  /** Where bindings are kept. */
  readonly controlFolder: string;
  /** Where acknowledged messages go, when they are to be kept. */
  readonly processedFolder: string | undefined;
  /** Seconds between two looks at the folder when the system did not tell of a change. */
  readonly pollingInterval: number;
  /** Ours: seconds after which a message taken by a process that died is given to another one. */
  readonly visibilityTimeout: number;
}

type Options = Readonly<Record<string, unknown>>;

/** @throws ImproperlyConfigured naming the option, its value and what is expected */
export function filesystemSettings(options: Options): FilesystemSettings {
  return {
    folderIn: folder(options, "data_folder_in", "data_in"),
    folderOut: folder(options, "data_folder_out", "data_out"),
    controlFolder: folder(options, "control_folder", "control"),
    processedFolder: options["store_processed"] ? folder(options, "processed_folder", "processed") : undefined,
    pollingInterval: seconds(options, "polling_interval", 1),
    visibilityTimeout: seconds(options, "visibility_timeout", 300),
  };
}

function refuse(name: string, value: unknown, expected: string): never {
  throw new ImproperlyConfigured(
    `filesystem transport option ${name} is ${JSON.stringify(value)}: expected ${expected}`,
  );
}

function folder(options: Options, name: string, otherwise: string): string {
  const value = options[name] ?? otherwise;
  return typeof value === "string" && value !== "" ? value : refuse(name, value, "the path of a folder");
}

function seconds(options: Options, name: string, otherwise: number): number {
  const value = options[name] ?? otherwise;
  return typeof value === "number" && value > 0 ? value : refuse(name, value, "a number of seconds above 0");
}

/** @throws ImproperlyConfigured naming the folder that is missing: kombu does not make them either */
export async function checkFolders({ folderIn, folderOut, processedFolder }: FilesystemSettings): Promise<void> {
  const needed = { data_folder_in: folderIn, data_folder_out: folderOut, processed_folder: processedFolder };
  for (const [option, folder] of Object.entries(needed))
    try {
      if (folder !== undefined) await access(folder);
    } catch (cause) {
      throw new ImproperlyConfigured(
        `folder ${folder} (transport option ${option}) cannot be used: create it, or name another one`,
        { cause },
      );
    }
}

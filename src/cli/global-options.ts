import type { Command } from "commander";
import { names, option } from "./options.js";

/** Options of every command; they may stand before or after its name. */
export interface GlobalOptions {
  readonly app?: string;
  readonly broker?: string;
  readonly resultBackend?: string;
  readonly workdir?: string;
  readonly import?: readonly string[];
  /** false for `--no-color`. */
  readonly color: boolean;
  readonly quiet?: boolean;
}

export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      option(
        "-A, --app <module>",
        "module that makes the application: a file or a package, :export after it",
        "CELERY_APP",
      ),
    )
    .addOption(option("-b, --broker <url>", "broker, instead of the application's", "CELERY_BROKER_URL"))
    .addOption(
      option("--result-backend <url>", "result backend, instead of the application's", "CELERY_RESULT_BACKEND"),
    )
    .addOption(option("--workdir <path>", "folder to change to first", "CELERY_WORKDIR"))
    .addOption(
      option(
        "--import <modules>",
        "modules to load before the application, such as a loader for TypeScript (tsx)",
      ).argParser(names),
    )
    .addOption(option("-C, --no-color", "no colours", process.env.NO_COLOR ? "NO_COLOR" : "CELERY_NO_COLOR"))
    .addOption(option("-q, --quiet", "no banner", "CELERY_QUIET"));
}

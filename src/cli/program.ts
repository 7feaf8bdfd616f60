import { Command, CommanderError } from "commander";
import { VERSION } from "../util/version.js";
import { CliError, EXIT } from "./exit-codes.js";
import { addGlobalOptions } from "./global-options.js";
import { registerWorker } from "./worker/command.js";

/** Every command of `celeriac`: one folder or file each, registered here. */
const COMMANDS = [registerWorker];

/** Runs the command line given without the program's own name; resolves to the exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const program = makeProgram();
  try {
    await program.parseAsync(args.length === 0 ? ["--help"] : args, { from: "user" });
    return EXIT.OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    if (!(error instanceof CliError)) throw error;
    if (error.message) console.error(`Error: ${error.message}`);
    return error.exitCode;
  }
}

function makeProgram(): Command {
  const program = new Command("celeriac")
    .description("Celery for Node: the command line.")
    .version(`celeriac ${VERSION}`, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride();
  addGlobalOptions(program);
  for (const register of COMMANDS) register(program);
  return program;
}

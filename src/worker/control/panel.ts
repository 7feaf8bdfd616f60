import { exactRepr } from "../../protocol/python-text.js";
import { type Arguments, type Command, CommandError, type ControlHost, nok } from "./command.js";
import { inspectCommands } from "./inspect-commands.js";
import { queueCommands } from "./queue-commands.js";
import { revokeCommands } from "./revoke-commands.js";
import { taskCommands } from "./task-commands.js";
import { workerCommands } from "./worker-commands.js";

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [...revokeCommands, ...taskCommands, ...workerCommands, ...queueCommands, ...inspectCommands].flatMap((command) =>
    [command.name, command.alias].flatMap((name) => (name === undefined ? [] : [[name, command] as const])),
  ),
);

/** Runs a command. What goes wrong is its answer, in Python's words. */
export async function runCommand(host: ControlHost, name: string, args: Arguments): Promise<unknown> {
  try {
    const command = COMMANDS.get(name);
    if (!command) throw new CommandError("KeyError", name);
    checkArguments(command, args);
    return await command.run(host, args);
  } catch (error) {
    host.logger.error("a remote control command failed", { command: name, error });
    return nok(errorText(error));
  }
}

function checkArguments({ name, required = [], optional = [], strict }: Command, args: Arguments): void {
  const missing = required.filter((argument) => !Object.hasOwn(args, argument)).map((argument) => `'${argument}'`);
  if (missing.length > 0)
    throw new CommandError(
      "TypeError",
      `${name}() missing ${missing.length} required positional argument${missing.length > 1 ? "s" : ""}: ${listed(missing)}`,
    );
  const known = [...required, ...optional];
  const unknown = strict && Object.keys(args).find((argument) => !known.includes(argument));
  if (unknown !== undefined && unknown !== false)
    throw new CommandError("TypeError", `${name}() got an unexpected keyword argument '${unknown}'`);
}

const listed = (names: readonly string[]): string =>
  names.length < 3 ? names.join(" and ") : `${names.slice(0, -1).join(", ")}, and ${names.at(-1)}`;

/** Python's `repr` of the exception. */
function errorText(error: unknown): string {
  if (error instanceof CommandError) return `${error.type}(${exactRepr(error.message)})`;
  return error instanceof Error ? `${error.name}(${exactRepr(error.message)})` : exactRepr(String(error));
}

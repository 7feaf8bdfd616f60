import type { DefinedOptions } from "../../client/task.js";
import { InvalidArguments } from "../../errors.js";
import type { TaskRequest } from "../../protocol/task-message.js";
import { bindArguments } from "./bind-arguments.js";

/**
 * The arguments that the handler is called with: keywords put in their places, then what the task's schema makes of
 * them. Throws TypeError for a call that does not fit `params`, `InvalidArguments` for values that the schema refuses.
 */
export function argumentsOf(
  name: string,
  { params, schema }: Readonly<DefinedOptions>,
  { args, kwargs }: Pick<TaskRequest, "args" | "kwargs">,
): readonly unknown[] | Promise<readonly unknown[]> {
  const bound = bindArguments(name, params, args, kwargs);
  return schema ? validated(name, schema, bound) : bound;
}

async function validated(
  name: string,
  schema: NonNullable<DefinedOptions["schema"]>,
  args: readonly unknown[],
): Promise<readonly unknown[]> {
  const result = await schema["~standard"].validate(args);
  if (result.issues) throw new InvalidArguments(name, result.issues.map(sentence));
  if (!Array.isArray(result.value))
    throw new TypeError(`the schema of ${name} made its list of arguments into something else; let it be a tuple`);
  return result.value as readonly unknown[];
}

type Issue = { readonly message: string; readonly path?: readonly unknown[] | undefined };

function sentence({ message, path = [] }: Issue): string {
  const keys = path.map((part) => (typeof part === "object" && part !== null && "key" in part ? part.key : part));
  return keys.length > 0 ? `${keys.map(String).join(".")}: ${message}` : message;
}

import type { TaskRequest } from "../../protocol/task-message.js";
import { bindArguments } from "../run/bind-arguments.js";

interface Signature {
  /** In Python's order. */
  readonly names: readonly string[];
  /** How many of them, from the first on, must be given. */
  readonly required: number;
  /** Whether further keywords are taken, and ignored. */
  readonly rest?: boolean;
}

/** The arguments of one of Celery's own tasks, positional or by Python's names. Throws TypeError for a call that does not fit. */
export function namedArguments(
  { task, args, kwargs }: Pick<TaskRequest, "task" | "args" | "kwargs">,
  { names, required, rest = false }: Signature,
): readonly unknown[] {
  const known = rest ? Object.fromEntries(Object.entries(kwargs).filter(([name]) => names.includes(name))) : kwargs;
  const bound = bindArguments(task, names, args, known);
  for (const [index, name] of names.slice(0, required).entries())
    if (bound[index] === undefined) throw new TypeError(`${task}() is missing the argument '${name}'`);
  return bound;
}

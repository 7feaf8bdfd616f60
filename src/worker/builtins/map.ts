import { setImmediate } from "node:timers/promises";
import type { TaskContext } from "../../client/task-context.js";
import type { TaskDefinition } from "../../client/task.js";
import { NotRegistered, NotSupported } from "../../errors.js";
import { readSignature } from "../../protocol/signature.js";
import { monotonic } from "../../util/time.js";
import { argumentsOf } from "../run/arguments.js";
import { namedArguments } from "./arguments.js";
import { InnerContext } from "./inner-context.js";
import { items, iterate } from "./iterate.js";

/** Finds a task that this worker runs. */
export type FindTask = (name: string) => TaskDefinition | undefined;

/** `celery.map(task, it)`: calls the task with each item, one after the other. */
export const map = (find: FindTask): TaskDefinition => callEach(find, () => (item) => [item]);

/** `celery.starmap(task, it)`: the same with each item as the list of arguments. */
export const starmap = (find: FindTask): TaskDefinition =>
  callEach(
    find,
    (name) => (item) => iterate(item, (type) => `${name}() argument after * must be an iterable, not ${type}`),
  );

/** Milliseconds for which items that never wait may keep the event loop. */
const TURN = 20;

function callEach(find: FindTask, spread: (name: string) => (item: unknown) => readonly unknown[]): TaskDefinition {
  return {
    options: {},
    takesMessage: true,
    async run(context) {
      const [task, it] = namedArguments(context.request, { names: ["task", "it"], required: 2 });
      const name = typeof task === "string" ? task : readSignature(task).task;
      const definition = find(name);
      if (!definition) throw notRegistered(name, context);
      // They would take the map's message for theirs.
      if (definition.onEventLoop && definition.takesMessage)
        throw new NotSupported(`${context.name} cannot call ${name}: it runs by its own message only`);
      const { signal } = context;
      const argumentsFor = spread(name);
      const values: unknown[] = [];
      let turn = monotonic();
      for (const item of items(it)) {
        if (monotonic() - turn > TURN) {
          await setImmediate();
          turn = monotonic();
        }
        signal.throwIfAborted();
        values.push(await call(name, definition, argumentsFor(item), context));
      }
      return values;
    },
  };
}

async function call(
  name: string,
  definition: TaskDefinition,
  given: readonly unknown[],
  context: TaskContext,
): Promise<unknown> {
  const inner = new InnerContext(context, name, given);
  const args = definition.takesMessage ? [] : await argumentsOf(name, definition.options, { args: given, kwargs: {} });
  return (await definition.run(inner, args)) ?? null;
}

function notRegistered(name: string, { id }: TaskContext): NotRegistered {
  const info = { type: "NotRegistered", module: "celery.exceptions", args: [name], taskId: id };
  return new NotRegistered(`no task is registered under the name '${name}'`, info);
}

import type { Celery } from "../../src/index.js";
import { TaskError } from "../../src/index.js";
import type { Outcome, PythonClient } from "../python/client.js";
import type { Answer, Caller } from "./calls.js";

/** Seconds that a caller waits for one answer. */
const PATIENCE = 15;

/** A program of ours that calls tasks in a queue. */
export function nodeCaller(app: Celery, queue: string): Caller {
  const call: Caller["call"] = async (task, args, options = {}) => {
    try {
      return { value: await app.sendTask(task, args, { queue, ...options }).get({ timeout: PATIENCE }) };
    } catch (error) {
      if (error instanceof TaskError) return { raised: { type: error.type, message: error.message } };
      throw error;
    }
  };
  const together: Caller["many"] = (task, list) => Promise.all(list.map((args) => call(task, args)));
  return { call, group: together, many: together };
}

/** A Python program that calls tasks in a queue. */
export function pythonCaller(client: PythonClient, queue: string): Caller {
  const many = async (code: string, task: string, list: readonly (readonly unknown[])[]): Promise<Answer[]> => {
    const values = { task, queue, list, timeout: PATIENCE };
    return ((await client.run(code, values)) as Outcome[]).map(answer);
  };
  return {
    call: async (task, args, options = {}) =>
      answer(await client.get(await client.send(task, args, {}, { queue, ...options }), PATIENCE)),
    group: (task, list) => many(IN_A_GROUP, task, list),
    many: (task, list) => many(ONE_BY_ONE, task, list),
  };
}

const IN_A_GROUP = `
signatures = [app.signature(values["task"], args=args, queue=values["queue"]) for args in values["list"]]
result = group(signatures)()
result.join(timeout=values["timeout"], interval=0.01, propagate=False)
return [outcome(one, values["timeout"]) for one in result.results]
`;

const ONE_BY_ONE = `
sent = [app.send_task(values["task"], args, queue=values["queue"]) for args in values["list"]]
return [outcome(one, values["timeout"]) for one in sent]
`;

/** Celery's own time limit is no answer; everything else that `get()` raises is what the task raised, or why not. */
function answer({ value, raised }: Outcome): Answer {
  if (!raised) return { value };
  const { type, message } = raised;
  if (type === "TimeoutError") throw new Error(`no answer within ${PATIENCE} s`);
  return { raised: { type, message } };
}

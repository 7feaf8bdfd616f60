import { Celery } from "../../src/index.js";
import type { CeleryOptions } from "../../src/index.js";
import type { Declaration } from "./row.js";
import { defineTableTasks } from "./tasks.js";

/** The application of our side, the same in every thread: its settings are in the environment, as for Python. */
const { options, tasks } = JSON.parse(process.env.CELERIAC_TABLE ?? "{}") as {
  options: CeleryOptions;
  tasks: Declaration[];
};

const log =
  (level: string) =>
  (message: string, fields: object = {}): void =>
    console.log(level, message, fields);

export const app = new Celery({
  ...options,
  logger: { debug: () => undefined, info: log("info"), warn: log("warn"), error: log("error") },
});
defineTableTasks(app, tasks);

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ImproperlyConfigured } from "../errors.js";
import { RATE, isRate } from "./rate.js";
import {
  type Check,
  boolean,
  checkSettings,
  custom,
  nullable,
  number,
  text,
  unknownName,
  withoutDefaults,
} from "./settings.js";
import { MOST_SECONDS, checkTimeLimits } from "./time-limits.js";
import type { CallOptions, TaskOptions } from "./types.js";

/** Options of a task whatever its arguments. */
export type DefinedOptions = Omit<TaskOptions, "params" | "schema"> & {
  readonly params?: readonly string[];
  readonly schema?: StandardSchemaV1;
};

const classes = custom(
  (value) => Array.isArray(value) && value.every((one) => typeof one === "function"),
  "a list of error classes",
);
const names = custom(
  (value) => Array.isArray(value) && value.every((one) => typeof one === "string" && one !== ""),
  "a list of names, one for each argument",
);
const schema = custom(
  (value) =>
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as Partial<StandardSchemaV1>)["~standard"]?.validate === "function",
  "a Standard Schema (zod, valibot, arktype, ...), which has ~standard",
);
const moment = custom(
  (value) =>
    (typeof value === "number" && value > 0 && value <= MOST_SECONDS) ||
    (value instanceof Date && !Number.isNaN(value.getTime())),
  `seconds above 0, at most ${MOST_SECONDS}, or a valid Date`,
);
const seconds = number({ min: 0, max: MOST_SECONDS });
const limit = number({ above: 0 });
const priority = number({ min: 0, max: 255, integer: true });
const factor = custom(
  (value) => typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value) && value >= 0),
  "true, false, or a factor of at least 0",
);

const CHECKS: Readonly<Record<keyof TaskOptions, Check>> = {
  bind: boolean,
  params: names,
  schema,
  queue: text,
  exchange: text,
  routingKey: text,
  priority,
  serializer: text,
  compression: text,
  expires: moment,
  maxRetries: nullable(number({ min: 0, integer: true })),
  defaultRetryDelay: seconds,
  autoretryFor: classes,
  dontAutoretryFor: classes,
  retryBackoff: factor,
  retryBackoffMax: seconds,
  retryJitter: boolean,
  throws: classes,
  rateLimit: nullable(custom(isRate, RATE)),
  acksLate: boolean,
  acksOnFailureOrTimeout: boolean,
  acksOnFailure: boolean,
  acksOnTimeout: boolean,
  rejectOnWorkerLost: boolean,
  retryOnWorkerLost: boolean,
  sendEvents: boolean,
  trail: boolean,
  ignoreResult: boolean,
  storeErrorsEvenIfIgnored: boolean,
  trackStarted: boolean,
  timeLimit: limit,
  softTimeLimit: limit,
};

const SETTINGS = withoutDefaults(CHECKS);

/** Throws `ImproperlyConfigured` for an option that is unknown or cannot be meant. `whose` names the task. */
export function checkTaskOptions(whose: string, options: Readonly<DefinedOptions>): void {
  checkSettings<DefinedOptions>(`option of ${whose}:`, SETTINGS, options);
  const { params, softTimeLimit, timeLimit } = options;
  if (params && new Set(params).size !== params.length)
    throw new ImproperlyConfigured(`params of ${whose} name an argument twice: ${params.join(", ")}`);
  checkTimeLimits(softTimeLimit, timeLimit);
}

/** Options of tasks by their names, for `taskAnnotations`; `"*"` is for all of them. */
export type TaskAnnotations = Readonly<Record<string, Readonly<Omit<TaskOptions, "bind" | "params" | "schema">>>>;

/** Part of what a task is, not of how it is run. */
const ITS_OWN: ReadonlySet<string> = new Set(["bind", "params", "schema"]);

/** Throws `ImproperlyConfigured` for what cannot be changed by configuration. */
export function checkAnnotations(annotations: TaskAnnotations): void {
  for (const [task, options] of Object.entries(annotations)) {
    if (typeof options !== "object" || options === null)
      throw new ImproperlyConfigured(`taskAnnotations for ${task} is ${String(options)}; expected options of a task`);
    checkTaskOptions(`taskAnnotations for ${task}`, options);
    for (const name of Object.keys(options))
      if (ITS_OWN.has(name))
        throw unknownName(
          `option of taskAnnotations for ${task}`,
          name,
          Object.keys(CHECKS).filter((one) => !ITS_OWN.has(one)),
        );
  }
}

/** The options with what the configuration changes. As in Celery, what is said of `"*"` wins over the task's own entry. */
export function annotated(
  name: string,
  options: Readonly<DefinedOptions>,
  annotations: TaskAnnotations | null,
): Readonly<DefinedOptions> {
  if (annotations === null) return options;
  const own = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
  return { ...options, ...own, ...annotations["*"] };
}

/** Which of the task's own options are call options of each message it sends. */
const SENT: readonly (keyof TaskOptions & keyof CallOptions)[] = [
  ...(["queue", "exchange", "routingKey", "priority", "serializer", "compression"] as const),
  ...(["expires", "ignoreResult", "timeLimit", "softTimeLimit"] as const),
];

/** The call options that a task's own options make. */
export function sentDefaults(options: Readonly<DefinedOptions>): CallOptions {
  return Object.fromEntries(SENT.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]));
}

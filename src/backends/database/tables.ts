import type { CeleryError } from "../../errors.js";
import { ImproperlyConfigured, OperationalError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { monotonic, sleep } from "../../util/time.js";
import type { Dialect, TablePlan } from "./dialect.js";
import type { DatabaseSettings } from "./settings.js";
import type { Table, Wanted } from "./table.js";
import { checkTable, shownName } from "./table.js";

/** The two tables, or null for one that is not there. */
export interface Shapes {
  readonly task: Table | null;
  readonly group: Table | null;
}

const TASK_SEQUENCE = "task_id_sequence";
const GROUP_SEQUENCE = "taskset_id_sequence";

const TASKS: Wanted = {
  what: "task results",
  key: "task_id",
  columns: { task_id: "text", status: "text", result: "binary", date_done: "date", traceback: "text" },
  known: new Set(["task_id", "status", "result"]),
};
const GROUPS: Wanted = {
  what: "group results",
  key: "taskset_id",
  columns: { taskset_id: "text", result: "binary", date_done: "date" },
  known: new Set(["taskset_id", "result", "date_done"]),
};

const EXTENDED: TablePlan["columns"] = [
  ["name", "word"],
  ["args", "binary"],
  ["kwargs", "binary"],
  ["worker", "word"],
  ["retries", "integer"],
  ["queue", "word"],
];

/** The tables as Celery 5.6 makes them, or with `modern` as 5.7 does. */
function plans(settings: DatabaseSettings): { readonly task: TablePlan; readonly group: TablePlan } {
  const modern = settings.format === "serializer";
  return {
    task: {
      name: settings.taskTable,
      sequence: TASK_SEQUENCE,
      index: "ix_celery_taskmeta_date_done",
      key: "task_id",
      columns: [
        ["id", "id"],
        ["task_id", "word"],
        ["status", "state"],
        ["result", "binary"],
        ["date_done", "date"],
        ["traceback", "text"],
        ...(modern ? ([["children", "binary"]] as const) : []),
        ...EXTENDED,
        ...(modern ? ([["stamps", "binary"]] as const) : []),
      ],
    },
    group: {
      name: settings.groupTable,
      sequence: GROUP_SEQUENCE,
      index: "ix_celery_tasksetmeta_date_done",
      key: "taskset_id",
      columns: [
        ["id", "id"],
        ["taskset_id", "word"],
        ["result", "binary"],
        ["date_done", "date"],
      ],
    },
  };
}

/** Attempts to make the tables while others do the same, as many as in Celery, and the longest pause in between. */
const CREATE_ATTEMPTS = 10;
const CREATE_PAUSE = 1000;
/** Milliseconds after which a table of the older form is looked at again: a newer Python may have changed it. */
const LOOK_AGAIN = 60_000;

/** The tables of one backend: found, checked, made when missing, and remembered. */
export class Tables {
  readonly #dialect: Dialect;
  readonly #settings: DatabaseSettings;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  #looking: Promise<Shapes> | undefined;
  #known: Shapes | undefined;
  #knownSince = 0;
  #warned = false;

  constructor(dialect: Dialect, settings: DatabaseSettings, logger: Logger, signal: AbortSignal) {
    this.#dialect = dialect;
    this.#settings = settings;
    this.#logger = logger;
    this.#signal = signal;
  }

  /** `needed`: a table that is missing is made; else only with `databaseCreateTablesAtSetup`. */
  async get(needed: boolean): Promise<Shapes> {
    const create = needed || this.#settings.createAtSetup;
    const known = this.#known;
    if (known && (!create || (known.task && known.group)) && !this.#outdated(known)) return known;
    // One look for all who ask meanwhile; a failed one is not remembered.
    this.#looking ??= this.#look(create).finally(() => (this.#looking = undefined));
    const shapes = await this.#looking;
    return create && !(shapes.task && shapes.group) ? this.get(needed) : shapes;
  }

  /** The database says that something is no longer as it was. */
  forget(): void {
    this.#known = undefined;
  }

  #outdated({ task }: Shapes): boolean {
    if (this.#settings.format !== "auto" || task?.columns.has("children")) return false;
    return monotonic() - this.#knownSince > LOOK_AGAIN;
  }

  async #look(create: boolean): Promise<Shapes> {
    let shapes = await this.#inspect();
    if (create) shapes = await this.#complete(shapes);
    if (shapes.task) checkTable(shapes.task, TASKS);
    if (shapes.group) checkTable(shapes.group, GROUPS);
    if (shapes.task && !shapes.task.columns.has("name") && !this.#warned) {
      this.#warned = true;
      this.#logger.debug(`${shownName(shapes.task.name)} has no columns for resultExtended`);
    }
    this.#known = shapes;
    this.#knownSince = monotonic();
    return shapes;
  }

  async #inspect(): Promise<Shapes> {
    const task = await this.#dialect.inspect(this.#settings.taskTable, TASK_SEQUENCE);
    const group = await this.#dialect.inspect(this.#settings.groupTable, GROUP_SEQUENCE);
    return { task, group };
  }

  async #complete(found: Shapes): Promise<Shapes> {
    const wanted = plans(this.#settings);
    let shapes = found;
    for (let attempt = 1; !(shapes.task && shapes.group); attempt++) {
      const missing = [...(shapes.task ? [] : [wanted.task]), ...(shapes.group ? [] : [wanted.group])];
      try {
        await this.#dialect.create(missing);
        this.#logger.info(`made the result tables ${missing.map(({ name }) => shownName(name)).join(", ")}`);
      } catch (cause) {
        const { error, stale } = this.#dialect.failure(cause, "making the result tables");
        // Stale: another process was quicker, or is in the middle of it. The next look tells.
        if ((!stale && !error.retriable) || attempt >= CREATE_ATTEMPTS) throw this.#refused(missing, error);
        await sleep(Math.random() * Math.min(CREATE_PAUSE, 10 * 2 ** attempt), this.#signal);
      }
      shapes = await this.#inspect();
      if (attempt > CREATE_ATTEMPTS) throw this.#refused(missing, new OperationalError("they are not there"));
    }
    return shapes;
  }

  #refused(missing: readonly TablePlan[], error: CeleryError): CeleryError {
    if (error instanceof ImproperlyConfigured || error.retriable) return error;
    const names = missing.map(({ name }) => shownName(name)).join(" and ");
    return new OperationalError(
      `${names}: not there, and could not be made (${error.message}); make them by hand, or let the user do so`,
      { cause: error, retriable: false },
    );
  }
}

/** What became of a message, one line for each thing that was seen: easy to compare, and to read where it differs. */
export interface Sighting {
  /** Result documents in the order in which they were stored. */
  readonly documents: readonly string[];
  /** Events of the task in the order in which they came. */
  readonly events: readonly string[];
  /** Messages sent on to the queue `NEXT`, which nobody consumes. */
  readonly next: readonly string[];
  /** Whether the broker keeps the message among the rejected ones; "gone" where none does. */
  readonly settled: "gone" | "rejected" | "acknowledged";
  /** Messages that somebody still holds, where the broker shows them. */
  readonly left: readonly string[];
}

/** Words for what a side calls by names of its own: `["celery@host", "HOST"]`. */
export type Names = readonly (readonly [string, string])[];

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const EXPIRATION = /"expiration":"\d+"/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00/g;

/** Numbers that no two runs have in common, by the field that holds them. */
const VOLATILE = new Set(["timestamp", "clock", "pid", "runtime", "worker_pid"]);
/** Texts that are long, and each language's own. */
const OWN_TEXTS = new Set(["traceback"]);
/** Who sent it says nothing of what it means: docs/differences.md, "`lang` is `js`". */
const SENDER = new Set(["lang", "origin"]);

/** Turns documents, events and messages of one side into lines without what differs from run to run. */
export class Liner {
  readonly #names: Names;
  /** Ids that came up on the way, numbered as they did. */
  readonly #ids = new Map<string, string>();

  constructor(names: Names) {
    this.#names = names;
  }

  line(value: unknown): string {
    let text = JSON.stringify(plain(value));
    for (const [name, word] of this.#names) text = text.replaceAll(name, word);
    return text
      .replaceAll(EXPIRATION, '"expiration":"MS"')
      .replaceAll(TIME, "TIME")
      .replaceAll(UUID, (id) => {
        if (!this.#ids.has(id)) this.#ids.set(id, `UUID${this.#ids.size + 1}`);
        return this.#ids.get(id) ?? "";
      });
  }
}

function plain(value: unknown, field = ""): unknown {
  if (VOLATILE.has(field) && typeof value === "number") return field.toUpperCase();
  if (OWN_TEXTS.has(field) && typeof value === "string" && value !== "") return "TEXT";
  if (SENDER.has(field) && typeof value === "string") return field.toUpperCase();
  if (Array.isArray(value)) return value.map((one) => plain(one));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, name)]));
}

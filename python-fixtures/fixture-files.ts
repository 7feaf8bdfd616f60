import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files that generate.py writes, as they are kept in the repository: one folder for each Celery version, one file
 * for each subject, one line for each entry. An entry that the next newer version writes to the letter is kept there
 * alone, and refers to it (`{"name": ..., "as": "5.6.3"}`).
 */

/** Bytes: readable text, base64, or parts of which some repeat. */
export type Raw =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly parts: readonly (Raw | { readonly times: number; readonly unit: Raw })[] };

export interface Entry {
  readonly name: string;
  /** Fields whose bytes depend on the machine's libraries (compressed data); their content does not. */
  readonly varies?: readonly string[];
  readonly [field: string]: unknown;
}

export interface Subject {
  readonly subject: string;
  readonly libraries: Readonly<Record<string, string>>;
  readonly entries: readonly Entry[];
}

export const fixturesFolder = import.meta.dirname;
export const versionFolder = (version: string, base = fixturesFolder): string => join(base, `celery-${version}`);

export function bytesOf(raw: unknown): Buffer {
  const field = raw as Raw;
  if ("text" in field) return Buffer.from(field.text, "utf8");
  if ("base64" in field) return Buffer.from(field.base64, "base64");
  const parts = field.parts.map((part) =>
    "times" in part ? Buffer.concat(new Array<Buffer>(part.times).fill(bytesOf(part.unit))) : bytesOf(part),
  );
  return Buffer.concat(parts);
}

/** One subject as generate.py wrote it. */
export const readPlain = async (file: string): Promise<Subject> => JSON.parse(await readFile(file, "utf8")) as Subject;

const resolved = new Map<string, Promise<ReadonlyMap<string, Entry>>>();

/** One subject of one version, with every reference to a newer version followed. */
export const readSubject = async (version: string, subject: string): Promise<readonly Entry[]> => [
  ...(await byName(version, subject)).values(),
];

function byName(version: string, subject: string): Promise<ReadonlyMap<string, Entry>> {
  const file = join(versionFolder(version), `${subject}.json`);
  let reading = resolved.get(file);
  if (reading === undefined) resolved.set(file, (reading = resolve(file, subject)));
  return reading;
}

async function resolve(file: string, subject: string): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const entry of (await readPlain(file)).entries) {
    if (entries.has(entry.name)) throw new Error(`two entries of ${file} are called "${entry.name}"`);
    const found = "as" in entry ? (await byName(String(entry["as"]), subject)).get(entry.name) : entry;
    if (found === undefined) throw new Error(`"${entry.name}" of ${file} refers to an entry that is not there`);
    entries.set(entry.name, found);
  }
  return entries;
}

export async function subjectsOf(version: string, base = fixturesFolder): Promise<string[]> {
  const files = await readdir(versionFolder(version, base));
  return files
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/** Writes the subjects of one version, leaving out what the next newer version (when there is one) has to the letter. */
export async function writeFolded(
  version: string,
  subjects: readonly Subject[],
  newer?: { readonly version: string; readonly subjects: readonly Subject[] },
): Promise<void> {
  await mkdir(versionFolder(version), { recursive: true });
  for (const { subject, libraries, entries } of subjects) {
    const there = newer?.subjects.find((one) => one.subject === subject)?.entries ?? [];
    const texts = new Map(there.map((entry) => [entry.name, JSON.stringify(entry)]));
    const lines = entries.map((entry) => {
      const text = JSON.stringify(entry);
      return newer && texts.get(entry.name) === text
        ? JSON.stringify({ name: entry.name, as: newer.version })
        : ascii(text);
    });
    const head = JSON.stringify({ subject, libraries }).slice(1, -1);
    await writeFile(
      join(versionFolder(version), `${subject}.json`),
      `{${head}, "entries": [\n${lines.join(",\n")}\n]}\n`,
    );
  }
}

/** Control and other characters that an editor or a diff would spoil stay escaped, as Python wrote them. */
const ascii = (text: string): string =>
  text.replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

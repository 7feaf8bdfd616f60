import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { celeryVersions, ensureVenv, venvPython } from "../interop-tests/python/venvs.mjs";
import { fixturesFolder, readPlain, subjectsOf, versionFolder, writeFolded, type Subject } from "./fixture-files.js";

/** `npm run fixtures`: writes the fixtures of every Celery version anew. */

const run = promisify(execFile);

/** What generate.py writes under one version now. */
export async function generate(version: string): Promise<Subject[]> {
  await ensureVenv(version);
  const folder = await mkdtemp(join(tmpdir(), "celeriac-fixtures-"));
  try {
    const script = join(fixturesFolder, "generate.py");
    await run(venvPython(version), ["-B", script, "--out", versionFolder(version, folder)]);
    const subjects = await subjectsOf(version, folder);
    return await Promise.all(subjects.map((one) => readPlain(join(versionFolder(version, folder), `${one}.json`))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeAll(): Promise<void> {
  let newer: { version: string; subjects: Subject[] } | undefined;
  for (const version of celeryVersions.toReversed()) {
    const subjects = await generate(version);
    await removeOld(version);
    await writeFolded(version, subjects, newer);
    newer = { version, subjects };
    console.log(`celery ${version}: ${subjects.reduce((sum, one) => sum + one.entries.length, 0)} entries`);
  }
}

async function removeOld(version: string): Promise<void> {
  const folder = versionFolder(version);
  const files = await readdir(folder).catch(() => []);
  await Promise.all(files.map((file) => rm(join(folder, file))));
}

if (process.argv[1] === import.meta.filename) await writeAll();

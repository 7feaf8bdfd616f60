import assert from "node:assert/strict";
import { celeryVersions } from "../interop-tests/python/venvs.mjs";
import { readPlain, readSubject, subjectsOf, versionFolder, type Entry } from "./fixture-files.js";
import { generate } from "./regenerate.js";
import { join } from "node:path";

/** Python still writes what is committed: a new release of a pinned library, or a changed generator, shows here. */

const remedy = "if this is meant, run `npm run fixtures`, read the diff and commit it";

/** Compressed bytes are up to the machine's libraries; everything else is not. */
function stable(entry: Entry): Entry {
  const fields = Object.entries(entry).filter(([field]) => !entry.varies?.includes(field));
  return { ...Object.fromEntries(fields), name: entry.name };
}

for (const version of celeryVersions)
  describe(`the fixtures of Celery ${version}`, () => {
    it("are what Python writes today", async function () {
      this.timeout(120_000);
      const subjects = await generate(version);
      assert.deepEqual(await subjectsOf(version), subjects.map(({ subject }) => subject).sort(), remedy);
      for (const { subject, libraries, entries } of subjects) {
        const committed = await readPlain(join(versionFolder(version), `${subject}.json`));
        assert.deepEqual(committed.libraries, libraries, `${subject}: other libraries; ${remedy}`);
        const kept = new Map((await readSubject(version, subject)).map((entry) => [entry.name, stable(entry)]));
        const now = new Map(entries.map((entry) => [entry.name, stable(entry)]));
        assert.deepEqual([...now.keys()], [...kept.keys()], `${subject}: other entries; ${remedy}`);
        const differing = [...now].filter(([name, entry]) => JSON.stringify(entry) !== JSON.stringify(kept.get(name)));
        const [first] = differing;
        if (first === undefined) continue;
        const names = differing.map(([name]) => name).join(", ");
        assert.deepEqual(first[1], kept.get(first[0]), `${subject}: ${names} changed; ${remedy}`);
        assert.fail(`${subject}: ${names} changed in the order of keys; ${remedy}`);
      }
    });
  });

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImproperlyConfigured, OperationalError } from "../../errors.js";
import { until } from "../../testing/harness.js";
import { folderHints } from "./folder-hints.js";
import { folderStore } from "./folder-store.js";
import open from "./index.js";
import { silentLogger } from "../../util/logger.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("results in a folder", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "celeriac-folder-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("one file per key, named like it, and nothing else left", async () => {
    const store = folderStore(folder);
    await Promise.all(["a", "b", "a"].map((key) => store.set(key, text(key), null)));
    assert.deepEqual((await readdir(folder)).sort(), ["a", "b"]);
    assert.deepEqual(await store.get("a"), Buffer.from("a"));
    await store.remove("a");
    await store.remove("a");
    assert.equal(await store.get("a"), null);
    const many = Array.from({ length: 200 }, (_, index) => `k${index}`);
    await store.set("k150", text("x"), null);
    const values = await store.getMany(many);
    assert.deepEqual(
      values.map((value, index) => (value ? index : -1)).filter((index) => index >= 0),
      [150],
    );
  });

  it("names that would leave the folder, or cannot be names, are refused", async () => {
    const store = folderStore(folder);
    for (const key of ["../x", "a/b", "/etc/passwd", "nul\0", "é".repeat(200)])
      for (const call of [() => store.get(key), () => store.set(key, text(""), null), () => store.remove(key)])
        await assert.rejects(call(), (error) => error instanceof OperationalError && !error.retriable);
    assert.deepEqual(await readdir(join(folder, "..")).then((names) => names.includes("x")), false);
  });

  it("a folder that is missing or no folder is an error before the first result", async () => {
    await writeFile(join(folder, "file"), "");
    for (const wrong of ["missing", "file"]) {
      const store = folderStore(join(folder, wrong));
      await assert.rejects(store.set("a", text(""), null), ImproperlyConfigured);
      await assert.rejects(store.get("a"), ImproperlyConfigured);
    }
    // Made later, it works: the failed probe is not remembered.
    const late = folderStore(join(folder, "late"));
    await assert.rejects(late.get("a"), ImproperlyConfigured);
    await mkdir(join(folder, "late"));
    assert.equal(await late.get("a"), null);
    await chmod(join(folder, "late"), 0o700);
  });

  it("cleaning up removes old results and abandoned temporary files, and nothing else", async () => {
    const store = folderStore(folder);
    const old = new Date(Date.now() - 10_000);
    for (const name of ["celery-task-meta-old", "celery-task-meta-new", "other", ".celeriac-gone"]) {
      await writeFile(join(folder, name), "");
      if (!name.endsWith("new")) await utimes(join(folder, name), old, old);
    }
    await store.cleanup?.(["celery-task-meta-"], 5);
    assert.deepEqual((await readdir(folder)).sort(), ["celery-task-meta-new", "other"]);
  });

  it("hints name what changed; where they cannot be had there are none", async () => {
    const seen: string[] = [];
    const off = folderHints(folder, (name) => seen.push(name));
    await folderStore(folder).set("a", text("x"), null);
    await until("the hint", () => seen.includes("a"));
    off();
    folderHints(join(folder, "missing"), () => assert.fail("nothing is here"))();
  });

  it("URLs: absolute, with localhost, relative; without a folder refused", () => {
    const options = {
      logger: silentLogger,
      serializer: "json",
      acceptContent: ["json"],
      resultExpires: null,
      resultPersistent: false,
      transportOptions: {},
      useSsl: false,
      broker: () => Promise.reject(new Error("no broker here")),
    };
    for (const url of ["file:///tmp/x", "file://localhost/tmp/x", "file://relative/x"])
      assert.equal(open(url, options).displayUrl, url);
    for (const url of ["file://", "file:"]) assert.throws(() => open(url, options), ImproperlyConfigured);
  });
});

/**
 * One engine at a time per folder of images. The file says who runs it and what it added to this machine, so that a
 * run after one that was killed can wait for that engine's end, and clean up after it.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { pause } from "./run.mjs";

/**
 * Resolves to `{ left, note, release }`: what a killed run noted, a way to note something, and the end of it. Rejects
 * when another run is using the folder.
 */
export async function lockEngine(folder) {
  const path = `${folder}.lock`;
  const left = await readFile(path, "utf8").then(JSON.parse, () => ({}));
  if (left.pid !== process.pid && (await runs(left.pid, "interop-containers")))
    throw new Error(`another run (process ${left.pid}) uses the Docker engine of this clone: wait for its end`);
  // The engine of a killed run ends with it, but needs some seconds.
  for (let waited = 0; waited < 30 && (await runs(left.engine, folder)); waited += 0.5) await pause(0.5);
  const notes = { pid: process.pid };
  const note = (more) => writeFile(path, JSON.stringify(Object.assign(notes, more)));
  await note({});
  return { left, note, release: () => rm(path, { force: true }) };
}

/** Whether that process is there and its command line has the text: numbers of processes are used again. */
async function runs(pid, text) {
  const line = pid ? await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") : "";
  return line.includes(text);
}

import { appFolder, pythonEnvironment } from "../python/environment.js";
import type { PythonTarget } from "../python/environment.js";
import { ensureVenv } from "../python/venvs.mjs";
import { startChild } from "../servers/children.js";

/** Celery's own command line: `celery -A tasks ...`. Resolves to what it printed. */
export async function celeryCommand(target: PythonTarget, ...args: readonly string[]): Promise<string> {
  const python = await ensureVenv(target.version);
  const child = startChild(python, ["-m", "celery", "-A", "tasks", ...args], {
    cwd: appFolder,
    env: pythonEnvironment(target),
  });
  await child.ended;
  return child.output;
}

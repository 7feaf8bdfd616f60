import { fileURLToPath } from "node:url";
import type { CeleryVersion } from "./venvs.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** The folder of the Python application `tasks.py`. */
export const appFolder = `${root}python-fixtures/app`;
/** The script that `pythonClient` runs. */
export const clientScript = `${root}interop-tests/python/client.py`;

/** How a Python process of the application reaches broker and backend, in Celery's own terms. */
export interface PythonTarget {
  readonly version: CeleryVersion;
  /** Celery's broker URL. */
  readonly broker: string;
  /** Celery's result backend URL; absent for none. */
  readonly backend?: string | undefined;
  /** More settings under Celery's names (`broker_transport_options`, `task_serializer`, ...). */
  readonly conf?: Readonly<Record<string, unknown>>;
}

export function pythonEnvironment(target: PythonTarget): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CELERY_BROKER_URL: target.broker,
    CELERY_RESULT_BACKEND: target.backend ?? "disabled://",
    CELERIAC_CONF: JSON.stringify(target.conf ?? {}),
    PYTHONUNBUFFERED: "1",
    PYTHONIOENCODING: "utf-8",
    PYTHONPYCACHEPREFIX: `${root}.cache/pycache/${target.version}`,
    C_FORCE_ROOT: "1",
  };
}

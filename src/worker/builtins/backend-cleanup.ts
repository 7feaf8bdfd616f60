import type { TaskDefinition } from "../../client/task.js";
import type { BuiltinHost } from "./host.js";

/** `celery.backend_cleanup`: removes results that have expired; `celery beat` sends it daily. */
export const backendCleanup = ({ backend }: BuiltinHost): TaskDefinition => ({
  options: {},
  onEventLoop: true,
  run: () => backend.cleanup(),
});

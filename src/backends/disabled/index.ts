import { NotSupported } from "../../errors.js";
import type { Backend, BackendOptions } from "../backend.js";

/**
 * No result backend (`result_backend` empty or `disabled`): storing does nothing, reading is refused
 * (celery/backends/base.py, `DisabledBackend`).
 */
export default function open(_url: string, _options: BackendOptions): Backend {
  const refuse = (what: string): NotSupported =>
    new NotSupported(
      `${what} needs a result backend, and none is configured: ` +
        `set \`backend\` (for example "redis://localhost/0" or "rpc://") where the application is made`,
    );
  return {
    scheme: "disabled",
    displayUrl: "disabled://",
    capabilities: {
      results: false,
      delivery: "poll",
      shared: false,
      persistent: false,
      keepsSuccess: false,
      forget: false,
      groups: false,
      autoExpire: true,
    },
    replyTo: null,
    expect: async () => undefined,
    store: async () => undefined,
    load: async (taskId) => {
      throw refuse(`reading the result of task ${taskId}`);
    },
    watch: (taskIds) => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(refuse(`waiting for the result of task ${taskIds.join(", ")}`)),
      }),
    }),
    forget: async (taskId) => {
      throw refuse(`forgetting the result of task ${taskId}`);
    },
    saveGroup: async (group) => {
      throw refuse(`saving group ${group.id}`);
    },
    loadGroup: async (groupId) => {
      throw refuse(`restoring group ${groupId}`);
    },
    deleteGroup: async (groupId) => {
      throw refuse(`deleting group ${groupId}`);
    },
    cleanup: async () => undefined,
    close: async () => undefined,
  };
}

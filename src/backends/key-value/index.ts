/** For drivers of one's own: Celery's result backend over any store of keys and values. */
export { keyValueBackend } from "./key-value-backend.js";
export type { KeyValueBackendOptions } from "./key-value-backend.js";
export type { ChangeFeed, ChangeListener, KeyValue } from "./key-value.js";
export type { RereadTiming } from "./reread-schedule.js";

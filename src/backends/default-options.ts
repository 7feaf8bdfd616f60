import { ImproperlyConfigured } from "../errors.js";
import { silentLogger } from "../util/logger.js";
import type { BackendOptions } from "./backend.js";

/** Options with Celery's defaults, for a result backend that is opened by hand instead of by a `Celery` application. */
export const backendOptions = (changes: Partial<BackendOptions> = {}): BackendOptions => ({
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: 86_400,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () =>
    Promise.reject(new ImproperlyConfigured("this result backend was opened without a broker: pass the option broker")),
  ...changes,
});

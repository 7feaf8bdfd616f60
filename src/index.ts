/** celeriac: the Celery protocol for Node. */
export { Celery, type CeleryOptions } from "./client/app.js";
export type { Config } from "./client/config.js";
export type { RetryPolicy } from "./client/retry-policy.js";
export type { BroadcastOptions, Control } from "./client/control.js";
export type { BindingSettings, QueueSettings } from "./client/queue-settings.js";
export type { Queues } from "./client/queues.js";
export type { Route, RouteFunction, RouteMap, RouteOptions, RouteTable } from "./client/routes.js";
export type {
  PublishSignal,
  Signal,
  SignalHandler,
  SignalName,
  SignalPayloads,
  Signals,
  TaskSignal,
  WorkerSignal,
} from "./client/signals.js";
export type { RequestInfo, RetryOptions, TaskContext } from "./client/task-context.js";
export type {
  AnySignature,
  AnyTask,
  AsyncResult,
  CallOptions,
  Callable,
  GetOptions,
  ResultPromise,
  Signature,
  Task,
  TaskMeta,
  TaskOptions,
} from "./client/types.js";
export {
  CeleryError,
  ChordError,
  ContentDisallowed,
  DeclarationMismatch,
  DecodeError,
  EncodeError,
  Ignore,
  ImproperlyConfigured,
  InvalidArguments,
  InvalidTaskError,
  MaxRetriesExceededError,
  NotRegistered,
  NotSupported,
  OperationalError,
  PublishError,
  QueueNotFound,
  Reject,
  Retry,
  SoftTimeLimitExceeded,
  TaskError,
  TaskRevokedError,
  TimeLimitExceeded,
  TimeoutError,
  WorkerLostError,
  type TaskErrorInfo,
} from "./errors.js";
export type { State } from "./protocol/result.js";
export type { SignatureDocument } from "./protocol/signature.js";
export { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "./protocol/values.js";
export { registerBackend, type LoadBackend } from "./backends/registry.js";
export { registerBroker, type LoadBroker } from "./brokers/registry.js";
export type { Backend, BackendCapabilities, BackendOptions, OpenBackend } from "./backends/backend.js";
export type {
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Delivery,
  DeliveryInfo,
  OpenBroker,
  PublishOptions,
} from "./brokers/broker.js";
export type { Message, MessageProperties } from "./protocol/message.js";
export type { Logger } from "./util/logger.js";

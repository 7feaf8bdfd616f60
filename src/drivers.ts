/**
 * celeriac/drivers: what a broker or a result backend of one's own is made of (docs/custom-drivers.md). The suites that
 * prove one are in celeriac/testing, the message format is in celeriac/protocol.
 */
export { registerBroker } from "./brokers/registry.js";
export type { LoadBroker } from "./brokers/registry.js";
export { registerBackend } from "./backends/registry.js";
export type { LoadBackend } from "./backends/registry.js";

export { virtualBroker } from "./brokers/virtual/broker.js";
export type { VirtualBrokerSettings } from "./brokers/virtual/broker.js";
export { LocalBindings } from "./brokers/virtual/local-bindings.js";
export type {
  GiveBackTo,
  MessageSource,
  MessageStore,
  PutOptions,
  Route,
  Settled,
  SourceEvents,
  SourceOptions,
  Taken,
} from "./brokers/virtual/store.js";
export { keyValueBackend } from "./backends/key-value/key-value-backend.js";
export type { KeyValueBackendOptions } from "./backends/key-value/key-value-backend.js";
export type { ChangeFeed, ChangeListener, KeyValue } from "./backends/key-value/key-value.js";
export type { RereadTiming } from "./backends/key-value/reread-schedule.js";

export { brokerOptions } from "./brokers/default-options.js";
export { backendOptions } from "./backends/default-options.js";
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
export type { Backend, BackendCapabilities, BackendOptions, OpenBackend, StoreContext } from "./backends/backend.js";
export {
  CeleryError,
  DecodeError,
  DeclarationMismatch,
  ImproperlyConfigured,
  NotSupported,
  OperationalError,
  PublishError,
} from "./errors.js";
export { decodeEnvelope, encodeEnvelope, markRedelivered } from "./protocol/envelope.js";
export type { EncodeEnvelopeOptions, Envelope } from "./protocol/envelope.js";
export type { Message, MessageProperties } from "./protocol/message.js";
export { queue, toQueue } from "./protocol/queue.js";
export type { Binding, Destination, Exchange, ExchangeType, Queue } from "./protocol/queue.js";
export type { ResultNode, ResultRecord } from "./protocol/result.js";
export { loadPeer } from "./util/load-peer.js";
export { type Logger, silentLogger } from "./util/logger.js";
export { maskUrl, urlParts } from "./util/url.js";
export type { UrlParts } from "./util/url.js";

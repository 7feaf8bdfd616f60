/**
 * Celery's and kombu's formats as pure functions, for tools that read or write them without a client or a worker.
 * Names may change between minor versions: no promise of semantic versioning here.
 */
export type { Message, MessageProperties } from "./message.js";
export { decodeTask, encodeTask, plainNumbers, taskRequest } from "./task-message.js";
export type { DecodeTaskOptions, EncodeTaskOptions, TaskRequest } from "./task-message.js";
export { decodeEnvelope, encodeEnvelope, markRedelivered } from "./envelope.js";
export type { EncodeEnvelopeOptions, Envelope } from "./envelope.js";
export {
  isChainDocument,
  isChordDocument,
  isGroupDocument,
  isMapDocument,
  mergeSignature,
  readSignature,
  signatureDocument,
} from "./signature.js";
export type {
  ChainDocument,
  ChordDocument,
  GroupDocument,
  MapDocument,
  SignatureCall,
  SignatureDocument,
} from "./signature.js";
export {
  chordKey,
  dateDone,
  groupDocument,
  groupKey,
  isException,
  isPropagated,
  isReady,
  nodeFromGroupDocument,
  nodeFromTuple,
  normalisePrefix,
  resultFromDocument,
  resultToDocument,
  resultTuple,
  rpcDocument,
  taskKey,
} from "./result.js";
export type { ExceptionDocument, ExtendedResult, ResultNode, ResultRecord, State } from "./result.js";
export { errorToException, exceptionRepr, exceptionToError, pythonTraceback } from "./exception.js";
export {
  decodeEvents,
  encodeEvent,
  eventBatchRoutingKey,
  eventDocument,
  eventGroup,
  eventRoutingKey,
  isCustomEvent,
  utcOffset,
} from "./event.js";
export type {
  CustomEvent,
  EventCommon,
  EventDocument,
  EventFields,
  EventType,
  KnownEvent,
  WorkerEventFields,
} from "./event.js";
export {
  controlExchange,
  controlQueue,
  controlRequest,
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
  eventExchange,
  eventQueue,
  matchesNode,
  readControlRequest,
  replyExchange,
  replyQueue,
} from "./control.js";
export type { ControlReply, ControlRequest, MailboxOptions, ReplyTo } from "./control.js";
export { defaultExchange, exchange, matchTopic, queue, topicPattern, toQueue } from "./queue.js";
export type { Binding, Destination, Exchange, ExchangeType, Queue } from "./queue.js";
export { fnmatchRegex } from "./fnmatch.js";
export { isoTime, parseIsoTime } from "./iso-time.js";
export { dumps, loads } from "./json.js";
export type { LoadsOptions } from "./json.js";
export {
  acceptedTypes,
  decodeContent,
  encodeContent,
  registerSerializer,
  serializerNamed,
} from "./serializers/registry.js";
export type { Content, EncodedContent } from "./serializers/registry.js";
export type { DecodeOptions, Serializer } from "./serializers/serializer.js";
export { compress, decompress, registerCompression } from "./compression.js";
export type { Compression } from "./compression.js";
export { saferepr } from "./saferepr.js";
export type { SafereprOptions } from "./saferepr.js";
export { readPickle } from "./pickle/reader.js";
export type { PickleLimits } from "./pickle/reader.js";
export { writePickle } from "./pickle/writer.js";
export type { PickleWriteOptions } from "./pickle/writer.js";
export { PyObject } from "./pickle/py-object.js";
export { DateTime, Decimal, Float, PlainDate, PlainTime, Uuid } from "./values.js";

/**
 * A kombu message, whatever carries it: on AMQP the parts travel as basic properties and header table, elsewhere
 * inside kombu's JSON envelope. The body is the serialized (and then possibly compressed) content.
 */
export interface Message {
  readonly body: Uint8Array;
  /** Exact MIME type of the serializer, or null when the sender gave none. */
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  /** Application headers, wire names (`task`, `id`, `compression`, ...). */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: MessageProperties;
}

/** Basic properties. Absent and undefined are the same. */
export interface MessageProperties {
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  /** 1 transient, 2 persistent (Celery's default for tasks). */
  readonly deliveryMode?: 1 | 2 | undefined;
  /** 0 to 9 (255 on RabbitMQ); the meaning of high and low is the broker's. */
  readonly priority?: number | undefined;
  /** Time to live in whole milliseconds, as text: AMQP's form. */
  readonly expiration?: string | undefined;
  /** Properties that only virtual transports carry (SQS's MessageGroupId, ...), by their wire names. */
  readonly other?: Readonly<Record<string, unknown>> | undefined;
}

import type * as Sdk from "@aws-sdk/client-sqs";
import { OperationalError } from "../../errors.js";
import { onAbort } from "../../util/abort.js";
import { after } from "../../util/time.js";
import { sqsFailure } from "./failure.js";

export type SdkModule = typeof Sdk;
export type SqsMessage = Sdk.Message;

/** One entry of a batch that SQS did not accept. */
export interface FailedEntry {
  readonly index: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** Nothing is gained by sending it again. */
  readonly ourFault: boolean;
}

/** Amazon's limit for the entries of a batch and for the messages of one request. */
export const BATCH = 10;

interface Call {
  readonly doing: string;
  /** Seconds that the server may take besides the client's usual limit. */
  readonly waiting?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The few calls that the driver makes, with a limit of time each and the library's errors. */
export class SqsClient {
  readonly displayUrl: string;
  readonly #sdk: SdkModule;
  readonly #client: Sdk.SQSClient;
  /** Milliseconds for one call with its repetitions. */
  readonly #limit: number;
  /** Ends all calls. */
  readonly #end: AbortSignal;

  constructor(sdk: SdkModule, client: Sdk.SQSClient, displayUrl: string, limit: number, end: AbortSignal) {
    this.#end = end;
    this.#sdk = sdk;
    this.#client = client;
    this.displayUrl = displayUrl;
    this.#limit = limit;
  }

  async receive(input: Sdk.ReceiveMessageCommandInput, queue: string, signal: AbortSignal): Promise<SqsMessage[]> {
    const call = { doing: `receiving from queue ${queue}`, waiting: input.WaitTimeSeconds ?? 0, signal };
    const output = await this.#run(call, (options) =>
      this.#client.send(new this.#sdk.ReceiveMessageCommand(input), options),
    );
    return output.Messages ?? [];
  }

  async send(input: Sdk.SendMessageCommandInput, queue: string): Promise<void> {
    await this.#run({ doing: `sending to queue ${queue}` }, (options) =>
      this.#client.send(new this.#sdk.SendMessageCommand(input), options),
    );
  }

  /** At most ten. Resolves to those that were not accepted. */
  async sendBatch(
    url: string,
    queue: string,
    messages: readonly Sdk.SendMessageCommandInput[],
  ): Promise<readonly FailedEntry[]> {
    const Entries = messages.map(({ QueueUrl: _, ...message }, index) => ({ Id: String(index), ...message }));
    const output = await this.#run({ doing: `sending to queue ${queue}` }, (options) =>
      this.#client.send(new this.#sdk.SendMessageBatchCommand({ QueueUrl: url, Entries }), options),
    );
    return failedEntries(output.Failed);
  }

  /** At most ten. Resolves to those that could not be deleted. */
  async deleteMessages(
    url: string,
    queue: string,
    handles: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly FailedEntry[]> {
    const Entries = handles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    const output = await this.#run({ doing: `deleting from queue ${queue}`, signal }, (options) =>
      this.#client.send(new this.#sdk.DeleteMessageBatchCommand({ QueueUrl: url, Entries }), options),
    );
    return failedEntries(output.Failed);
  }

  /** At most ten, each hidden for so many seconds from now. Resolves to those that could not be changed. */
  async hide(
    url: string,
    queue: string,
    messages: readonly { readonly handle: string; readonly seconds: number }[],
    signal?: AbortSignal,
  ): Promise<readonly FailedEntry[]> {
    const Entries = messages.map(({ handle, seconds }, index) => ({
      Id: String(index),
      ReceiptHandle: handle,
      VisibilityTimeout: seconds,
    }));
    const output = await this.#run(
      { doing: `changing the visibility of messages of queue ${queue}`, signal },
      (options) =>
        this.#client.send(new this.#sdk.ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }), options),
    );
    return failedEntries(output.Failed);
  }

  async queueUrl(name: string): Promise<string | undefined> {
    const output = await this.#run({ doing: `looking for queue ${name}` }, (options) =>
      this.#client.send(new this.#sdk.GetQueueUrlCommand({ QueueName: name }), options),
    );
    return output.QueueUrl;
  }

  /** The urls of queues whose names begin like this, at most a thousand. */
  async list(prefix: string): Promise<readonly string[]> {
    const input = prefix === "" ? {} : { QueueNamePrefix: prefix };
    const output = await this.#run({ doing: "listing the queues" }, (options) =>
      this.#client.send(new this.#sdk.ListQueuesCommand(input), options),
    );
    return output.QueueUrls ?? [];
  }

  async create(
    name: string,
    attributes: Readonly<Record<string, string>>,
    tags: Readonly<Record<string, string>> | undefined,
  ): Promise<string | undefined> {
    const input = { QueueName: name, Attributes: attributes, ...(tags && { tags }) };
    const output = await this.#run({ doing: `creating queue ${name}` }, (options) =>
      this.#client.send(new this.#sdk.CreateQueueCommand(input), options),
    );
    return output.QueueUrl;
  }

  async attributes(
    url: string,
    queue: string,
    names: readonly Sdk.QueueAttributeName[],
  ): Promise<Readonly<Partial<Record<string, string>>>> {
    const input = { QueueUrl: url, AttributeNames: [...names] };
    const output = await this.#run({ doing: `reading the attributes of queue ${queue}` }, (options) =>
      this.#client.send(new this.#sdk.GetQueueAttributesCommand(input), options),
    );
    return output.Attributes ?? {};
  }

  async purge(url: string, queue: string): Promise<void> {
    await this.#run({ doing: `purging queue ${queue}` }, (options) =>
      this.#client.send(new this.#sdk.PurgeQueueCommand({ QueueUrl: url }), options),
    );
  }

  async delete(url: string, queue: string): Promise<void> {
    await this.#run({ doing: `deleting queue ${queue}` }, (options) =>
      this.#client.send(new this.#sdk.DeleteQueueCommand({ QueueUrl: url }), options),
    );
  }

  /** A server that takes a request and never answers it must not hold anybody for ever. */
  async #run<T>(call: Call, work: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    const { doing, waiting = 0, signal } = call;
    const abort = new AbortController();
    const offs = [signal, this.#end].map((one) => onAbort(one, () => abort.abort()));
    let late = false;
    const timer = after(this.#limit + waiting * 1000, () => {
      late = true;
      abort.abort();
    });
    try {
      return await work({ abortSignal: abort.signal });
    } catch (error) {
      if (late)
        throw new OperationalError(`${doing} at ${this.displayUrl} failed: no answer in ${this.#limit / 1000} s`, {
          cause: error,
        });
      throw sqsFailure(doing, this.displayUrl, error);
    } finally {
      timer.cancel();
      for (const off of offs) off();
    }
  }
}

const failedEntries = (failed: readonly Sdk.BatchResultErrorEntry[] | undefined): readonly FailedEntry[] =>
  (failed ?? []).map(({ Id, Code, Message, SenderFault }) => ({
    index: Number(Id),
    code: Code,
    message: Message,
    ourFault: SenderFault ?? false,
  }));

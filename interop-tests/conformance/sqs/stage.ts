import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { Message, SendMessageCommandInput } from "@aws-sdk/client-sqs";
import open from "../../../src/brokers/sqs/index.js";
import { sqsName } from "../../../src/brokers/sqs/names.js";
import { sqsEndpoint } from "../../../src/brokers/sqs/url.js";
import type { Broker, BrokerOptions } from "../../../src/brokers/broker.js";
import { brokerOptions, uniqueName } from "../../drivers/index.js";
import { recordingLogger } from "../../expect.js";
import type { LogLine } from "../../expect.js";

/** What the tests of one server share: brokers of ours, and the SDK's own client to look and meddle. */
export class SqsStage {
  readonly raw: SQSClient;
  readonly lines: LogLine[];
  readonly #logger;
  readonly #brokers: Broker[] = [];

  constructor(readonly url: string) {
    const { endpoint, credentials } = sqsEndpoint(url, false);
    if (!endpoint || !credentials) throw new Error(`${url} has no host or no credentials`);
    this.raw = new SQSClient({ endpoint, credentials, region: "us-east-1" });
    const { logger, lines } = recordingLogger();
    this.#logger = logger;
    this.lines = lines;
  }

  open(
    transportOptions: Readonly<Record<string, unknown>> = {},
    changes: Partial<BrokerOptions> = {},
    url = this.url,
  ): Broker {
    const options = { region: "us-east-1", wait_time_seconds: 1, interval_start: 0.05, ...transportOptions };
    const place = { url, transportOptions: options, python: null, server: null, close: () => Promise.resolve() };
    const broker = open(url, brokerOptions(place, { logger: this.#logger, ...changes }));
    this.#brokers.push(broker);
    return broker;
  }

  /** Creates a queue past our driver; resolves to its name and url. */
  async queue(
    attributes: Record<string, string> = {},
    name = uniqueName("special"),
  ): Promise<{ name: string; url: string }> {
    const Attributes = { ...attributes, ...(name.endsWith(".fifo") && { FifoQueue: "true" }) };
    const { QueueUrl } = await this.raw.send(new CreateQueueCommand({ QueueName: sqsName(name, ""), Attributes }));
    return { name, url: QueueUrl ?? "" };
  }

  async attributes(url: string): Promise<Partial<Record<string, string>>> {
    const input = { QueueUrl: url, AttributeNames: ["All" as const] };
    return (await this.raw.send(new GetQueueAttributesCommand(input))).Attributes ?? {};
  }

  async urlOf(name: string): Promise<string> {
    return (await this.raw.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl ?? "";
  }

  /** Messages that wait and messages that somebody has received. */
  async counts(url: string): Promise<{ waiting: number; hidden: number }> {
    const attributes = await this.attributes(url);
    return {
      waiting: Number(attributes["ApproximateNumberOfMessages"]),
      hidden: Number(attributes["ApproximateNumberOfMessagesNotVisible"]),
    };
  }

  async send(url: string, body: string, more: Partial<SendMessageCommandInput> = {}): Promise<void> {
    await this.raw.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body, ...more }));
  }

  async receive(url: string): Promise<Message[]> {
    const input = { QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
    const all = { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All" as const] };
    return (await this.raw.send(new ReceiveMessageCommand({ ...input, ...all }))).Messages ?? [];
  }

  warnings(): string[] {
    return this.lines.filter(({ level }) => level === "warn" || level === "error").map(({ message }) => message);
  }

  async reset(): Promise<void> {
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.close()));
    this.lines.length = 0;
  }

  async end(): Promise<void> {
    await this.reset();
    this.raw.destroy();
  }
}

import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { clientConfig } from "./client-config.js";
import { sqsSettings } from "./settings.js";

const refused = (options: Record<string, unknown>, what: RegExp): void =>
  assert.throws(
    () => sqsSettings(options),
    (error: unknown) => error instanceof ImproperlyConfigured && what.test(error.message),
  );

const queues = (queue: object, name = "q"): Record<string, unknown> => ({ predefined_queues: { [name]: queue } });

describe("SQS transport options", () => {
  it("have kombu's defaults", () => {
    const settings = sqsSettings({});
    assert.equal(settings.waitTime, 10);
    assert.equal(settings.visibilityTimeout, undefined);
    assert.equal(settings.base64, true);
    assert.equal(settings.predefinedQueues, undefined);
    assert.equal(settings.messageSizeLimit, 1_048_576);
    assert.equal(settings.extendVisibility, true);
  });

  it("pause between two looks at an empty queue only where nobody waits in the server", () => {
    assert.equal(sqsSettings({}).pollingInterval, 0);
    assert.equal(sqsSettings({ wait_time_seconds: 0 }).pollingInterval, 1000);
    assert.equal(sqsSettings({ polling_interval: 0.5 }).pollingInterval, 500);
  });

  it("take a visibility timeout as kombu does", () => {
    for (const [given, seconds] of [
      [60, 60],
      [60.9, 60],
      ["60", 60],
      ["1.5", 1],
      [0, 0],
      ["", undefined],
      [null, undefined],
    ])
      assert.equal(sqsSettings({ visibility_timeout: given }).visibilityTimeout, seconds);
    refused({ visibility_timeout: 43_201 }, /12 hours/);
    refused({ visibility_timeout: "soon" }, /visibility_timeout is "soon"/);
  });

  it("are refused by name, with what may have been meant", () => {
    refused({ visibility_timout: 1 }, /did you mean visibility_timeout/);
    refused({ client_config: {} }, /did you mean client-config/);
    refused({ nonsense: 1 }, /known are .*wait_time_seconds/);
    refused({ wait_time_seconds: 21 }, /from 0 to 20/);
    refused({ queue_tags: { a: 1 } }, /queue_tags/);
    refused({ sts_role_arn: "arn", sts_token_timeout: 60 }, /sts_token_timeout is 60/);
  });

  it("name predefined queues with all that belongs to them", () => {
    const { predefinedQueues } = sqsSettings(
      queues({
        url: "https://sqs.eu-west-1.amazonaws.com/1/q",
        access_key_id: "a",
        secret_access_key: "s",
        region: "eu-west-1",
        backoff_policy: { 1: 10, 2: 20 },
        backoff_tasks: ["t"],
      }),
    );
    assert.deepEqual(predefinedQueues?.get("q"), {
      url: "https://sqs.eu-west-1.amazonaws.com/1/q",
      region: "eu-west-1",
      credentials: { accessKeyId: "a", secretAccessKey: "s" },
      backoff: { policy: { 1: 10, 2: 20 }, tasks: ["t"] },
    });
    refused(queues({}), /queue "q" needs its url/);
    refused(queues({ url: "https://x/1/q.fifo" }), /\.fifo both/);
    refused(queues({ url: "https://x/1/q" }, "q.fifo"), /\.fifo both/);
    refused(queues({ url: "https://x/1/q", access_key_id: "a" }), /only one of/);
    refused(queues({ url: "https://x/1/q", backof_policy: {} }), /did you mean backoff_policy/);
  });

  it("show no credential when they are refused", () => {
    const key = { url: "https://x/1/q", access_key_id: "a", secret_access_key: "hush" };
    for (const options of [
      { predefined_queues: [key] },
      queues({ ...key, secret_access_key: ["hush"] }),
      { predefined_queues: { q: "hush" } },
      { "client-config": [{ credentials: { secretAccessKey: "hush" } }] },
    ])
      refused(options, /^(?!.*hush).* is (a list|a string): expected/);
  });

  it("say which attributes are fetched, as a list or by kind", () => {
    const fetched = (given: unknown): unknown[] => {
      const { systemAttributes, messageAttributes } = sqsSettings({ fetch_message_attributes: given });
      return [systemAttributes, messageAttributes];
    };
    assert.deepEqual(fetched(["SenderId"]), [["SenderId"], []]);
    assert.deepEqual(fetched(["SenderId", "all"]), [["All"], []]);
    assert.deepEqual(fetched({ MessageAttributeNames: ["ALL"] }), [[], ["All"]]);
  });

  it("hand botocore's settings to the SDK under its own names, and its own as they are", () => {
    const { limit, sdkConfig } = clientConfig(
      {
        connect_timeout: 2,
        read_timeout: 7,
        retries: { max_attempts: 4, mode: "adaptive" },
        useQueueUrlAsEndpoint: false,
      },
      4,
    );
    assert.equal(limit, 7000);
    assert.equal(sdkConfig.maxAttempts, 5);
    assert.equal(sdkConfig.retryMode, "adaptive");
    assert.equal(sdkConfig.useQueueUrlAsEndpoint, false);
    assert.equal((sdkConfig.requestHandler as { connectionTimeout: number }).connectionTimeout, 2000);
    assert.throws(() => clientConfig({ parameter_validation: false }, 4), /parameter_validation/);
  });
});

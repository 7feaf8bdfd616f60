import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { sqsEndpoint } from "./url.js";

describe("SQS URLs", () => {
  it("hold credentials, percent-encoded, and perhaps another server than Amazon's", () => {
    assert.deepEqual(sqsEndpoint("sqs://AKIA:se%2Fcr%40et@", false), {
      displayUrl: "sqs://AKIA:**@",
      endpoint: undefined,
      credentials: { accessKeyId: "AKIA", secretAccessKey: "se/cr@et" },
    });
    assert.deepEqual(sqsEndpoint("SQS://", false), {
      displayUrl: "SQS://",
      endpoint: undefined,
      credentials: undefined,
    });
    assert.equal(sqsEndpoint("sqs://a:b@localhost:9324", false).endpoint, "http://localhost:9324");
    assert.equal(sqsEndpoint("sqs://sqs.example//", true).endpoint, "https://sqs.example");
    assert.equal(sqsEndpoint("sqs://a:b@[::1]:9324/", false).endpoint, "http://[::1]:9324");
  });

  it("are refused with a remedy and without the secret", () => {
    const refused = (url: string, what: RegExp): void =>
      assert.throws(
        () => sqsEndpoint(url, false),
        (error: unknown) =>
          error instanceof ImproperlyConfigured && what.test(error.message) && !error.message.includes("geheim"),
      );
    refused("sqs://a:geheim@?region=eu-west-1", /"region".*brokerTransportOptions/);
    refused("sqs://a@", /only one of access key and secret/);
    refused("sqs://a:geheim@;sqs://b:geheim@", /one address/);
  });
});

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { Reader, textMessage } from "../../../src/testing/broker/scene.js";
import { until } from "../../../src/testing/harness.js";
import { uniqueName } from "../../drivers/index.js";
import { startLocalMoto } from "../../servers/moto.js";
import type { Server } from "../../servers/index.js";
import { need } from "../../servers/shared.js";
import { SqsStage } from "./stage.js";

/** Keys, rights and roles: moto asks for them, ElasticMQ does not. */
describe("sqs broker: keys, rights and roles", function () {
  this.timeout(60_000);
  let moto: Server;
  let stage: SqsStage;
  let front: HttpServer;

  before(async function () {
    moto = await need(this, startLocalMoto);
    front = await jsonErrors(moto.url);
    stage = new SqsStage(urlFor("any", "geheim"));
  });
  afterEach(async () => {
    await stage.reset();
    await askForRights(false);
  });
  after(async () => {
    await stage?.end();
    front?.closeAllConnections();
    front?.close();
    await moto?.stop();
  });

  const urlFor = (key: string, secret: string): string =>
    `sqs://${encodeURIComponent(key)}:${encodeURIComponent(secret)}@127.0.0.1:${(front.address() as AddressInfo).port}`;

  async function askForRights(yes: boolean): Promise<void> {
    const response = await fetch(`${moto.url}/moto-api/reset-auth`, { method: "POST", body: yes ? "0" : "Infinity" });
    await response.arrayBuffer();
  }

  /** One call of AWS's query protocol, which needs no client; resolves to its XML. */
  async function query(service: string, parameters: Record<string, string>): Promise<string> {
    const response = await fetch(moto.url, {
      method: "POST",
      headers: { Authorization: `AWS4-HMAC-SHA256 Credential=any/20200101/us-east-1/${service}/aws4_request` },
      body: new URLSearchParams(parameters),
    });
    const xml = await response.text();
    if (!response.ok) throw new Error(xml);
    return xml;
  }

  const textIn = (xml: string, tag: string): string => new RegExp(`<${tag}>([^<]*)<`).exec(xml)?.[1] ?? "";

  /** The URL of a user who may do these things and nothing else. */
  async function userWho(...actions: string[]): Promise<string> {
    const UserName = uniqueName("user");
    await query("iam", { Action: "CreateUser", UserName });
    const Statement = [{ Effect: "Allow", Action: actions, Resource: "*" }];
    await query("iam", {
      Action: "PutUserPolicy",
      UserName,
      PolicyName: "sqs",
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement }),
    });
    const key = await query("iam", { Action: "CreateAccessKey", UserName });
    return urlFor(textIn(key, "AccessKeyId"), textIn(key, "SecretAccessKey"));
  }

  const refused = (what: RegExp) => (error: unknown) =>
    error instanceof OperationalError &&
    !error.retriable &&
    what.test(error.message) &&
    !error.message.includes("geheim");

  it("a key that nobody knows is refused for good, with a hint and without the secret", async () => {
    await askForRights(true);
    const broker = stage.open();
    await assert.rejects(broker.connect(), refused(/check access key, secret and region/));
    await assert.rejects(broker.publish(textMessage("x"), toQueue("q")), refused(/check access key/));
    const reader = new Reader(broker.consume([queue("q")]));
    await reader.end;
    assert.ok(refused(/check access key/)(reader.error), String(reader.error));
  });

  it("a right that is missing is named", async () => {
    const { name } = await stage.queue();
    const sender = await userWho("sqs:GetQueueUrl", "sqs:SendMessage");
    await askForRights(true);
    const broker = stage.open({}, {}, sender);
    await broker.connect();
    await broker.publish(textMessage("x"), toQueue(name), { declare: [queue(name)] });
    const reader = new Reader(broker.consume([queue(name)]));
    await reader.end;
    assert.ok(refused(/receiving from queue .*AccessDenied.*docs\/brokers\.md/)(reader.error), String(reader.error));
    await assert.rejects(broker.declare(queue(uniqueName("new"))), refused(/AccessDenied/));
  });

  it("an account made for kombu may list queues, and not ask for one", async () => {
    const { name } = await stage.queue();
    const user = await userWho("sqs:ListQueues", "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage");
    await askForRights(true);
    const broker = stage.open({}, {}, user);
    await broker.publish(textMessage("x"), toQueue(name));
    const reader = await new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack()).has(1);
    await reader.consumer.close();
    await askForRights(false);
    await until("the message to be deleted", async () => (await broker.size(name)) === 0);
  });

  it("without sqs:GetQueueAttributes rejected messages stay, since there may be a redrive policy", async () => {
    const { name, url } = await stage.queue();
    const user = await userWho("sqs:GetQueueUrl", "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage");
    await askForRights(true);
    const broker = stage.open({}, {}, user);
    await broker.publish(textMessage("x"), toQueue(name));
    const reader = new Reader(broker.consume([queue(name)]));
    await (await reader.nth(0)).reject({ requeue: false });
    await reader.consumer.close();
    await askForRights(false);
    assert.deepEqual(await stage.counts(url), { waiting: 0, hidden: 1 });
    assert.equal(stage.warnings().filter((line) => line.includes("sqs:GetQueueAttributes")).length, 1);
  });

  describe("roles", () => {
    // Where the SDK's client for STS finds its server: it has no other place than the environment.
    const variable = "AWS_ENDPOINT_URL_STS";
    beforeEach(() => {
      process.env[variable] = moto.url;
    });
    afterEach(() => {
      delete process.env[variable];
    });

    it("are assumed, and their rights count", async () => {
      const { name } = await stage.queue();
      const role = await query("iam", {
        Action: "CreateRole",
        RoleName: uniqueName("role"),
        AssumeRolePolicyDocument: JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
        }),
      });
      const Statement = [{ Effect: "Allow", Action: "sqs:*", Resource: "*" }];
      await query("iam", {
        Action: "PutRolePolicy",
        RoleName: textIn(role, "RoleName"),
        PolicyName: "sqs",
        PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement }),
      });
      const user = await userWho("sts:AssumeRole");
      await askForRights(true);
      const options = { sts_role_arn: textIn(role, "Arn"), sts_token_timeout: 900, sts_token_buffer_time: 60 };
      const broker = stage.open(options, {}, user);
      await broker.publish(textMessage("x"), toQueue(name));
      const reader = await new Reader(broker.consume([queue(name)]), (delivery) => delivery.ack()).has(1);
      assert.deepEqual(reader.texts, ["x"]);
      await assert.rejects(stage.open({}, {}, user).publish(textMessage("x"), toQueue(name)), refused(/AccessDenied/));
    });

    it("that cannot be assumed are named", async () => {
      await askForRights(true);
      const broker = stage.open({ sts_role_arn: "arn:aws:iam::123456789012:role/nobody" });
      await assert.rejects(broker.publish(textMessage("x"), toQueue("q")), refused(/role\/nobody \(sts_role_arn\)/));
    });
  });
});

/** Amazon refuses in JSON who asks in JSON; moto refuses in XML. Everything else passes through. */
async function jsonErrors(target: string): Promise<HttpServer> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const passed = request({ hostname, port, method, path, headers }, (answer) => {
      const { statusCode = 500, headers: answered } = answer;
      if (statusCode < 400 || answered["content-type"]?.includes("json")) {
        outgoing.writeHead(statusCode, answered);
        answer.pipe(outgoing);
        return;
      }
      void text(answer).then((xml) => {
        const part = (tag: string): string => new RegExp(`<${tag}>([^<]*)<`).exec(xml)?.[1] ?? "";
        outgoing.writeHead(statusCode, { "content-type": "application/x-amz-json-1.0" });
        outgoing.end(JSON.stringify({ __type: `com.amazonaws.sqs#${part("Code")}`, message: part("Message") }));
      });
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

import assert from "node:assert/strict";
import { OperationalError } from "../../errors.js";
import { drain, state } from "../../testing/backend/scene.js";
import { silentLogger } from "../../util/logger.js";
import type { BackendOptions } from "../backend.js";
import open from "./index.js";

describe("rpc without a broker to answer through", () => {
  const down = new OperationalError("the broker is down", { retriable: false });
  const options: BackendOptions = {
    logger: silentLogger,
    serializer: "json",
    acceptContent: ["json"],
    resultExpires: 60,
    resultPersistent: false,
    transportOptions: {},
    useSsl: false,
    broker: () => Promise.reject(down),
  };

  it("a result that nobody asked for needs none", async () => {
    const backend = open("rpc://", options);
    await backend.store(state("a", "SUCCESS"));
    await backend.store(state("a", "SUCCESS"), { replyTo: "" });
    await backend.store(state("a", "SUCCESS"), { replyTo: null, correlationId: "a" });
    await backend.close();
  });

  it("everything else says why it is not possible", async () => {
    const backend = open("rpc://", options);
    await assert.rejects(backend.store(state("a", "SUCCESS"), { replyTo: "b" }), down);
    await assert.rejects(backend.expect("a"), down);
    await assert.rejects(backend.load("a"), down);
    await assert.rejects(drain(backend.watch(["a"])), down);
    await backend.close();
  });

  it("each backend has a reply queue of its own", async () => {
    const [one, two] = [open("rpc://", options), open("rpc://", options)];
    assert.ok(one.replyTo && two.replyTo && one.replyTo !== two.replyTo);
  });
});

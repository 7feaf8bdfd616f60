import assert from "node:assert/strict";
import { decodeEnvelope, encodeEnvelope } from "../../protocol/envelope.js";
import { redelivered } from "./redelivered.js";

describe("what goes back into a queue", () => {
  const message = {
    body: Buffer.from("[]"),
    contentType: "application/json",
    contentEncoding: "utf-8",
    headers: {},
    properties: {},
  };
  const text = encodeEnvelope(message, { exchange: "", routingKey: "q" }, { deliveryTag: "t" });

  for (const style of ["headers", "top-level"] as const)
    it(`is marked as redelivered (${style})`, () => {
      assert.equal(decodeEnvelope(text).redelivered, false);
      assert.equal(decodeEnvelope(redelivered(text, style)).redelivered, true);
    });

  it("goes back as it came when it is no envelope, and holds up nothing", () => {
    for (const foreign of ["this is not an envelope", "[1]", '{"properties": 1}', ""])
      for (const style of ["headers"] as const) assert.equal(redelivered(foreign, style), foreign);
  });
});

import assert from "node:assert/strict";
import { formatForNode, nodeName } from "./node-name.js";

/** The expected names are what `host_format(default_nodename(...))` of Celery 5.7 gives. */
describe("node names", () => {
  for (const [given, name] of [
    [null, "celery@box.example.com"],
    ["w1", "celery@w1"],
    ["w1@%h", "w1@box.example.com"],
    ["w1@%n", "w1@box"],
    ["w1@%d", "w1@example.com"],
    ["@there", "celery@there"],
    ["w1@", "w1@box.example.com"],
    ["%n@%d", "box@example.com"],
    ["w%%@x", "w%@x"],
    ["a@b@c", "a@b@c"],
  ] as const)
    it(`${given} is ${name}`, () => assert.equal(nodeName(given, "box.example.com"), name));

  it("is part of file names", () => {
    assert.equal(
      formatForNode("/run/%n-%h-%d-%i%I.pid", "w1@box.example.com"),
      "/run/w1-box.example.com-example.com-0.pid",
    );
    assert.equal(formatForNode("%p.log", "w1@box"), "w1@box.log");
    assert.equal(formatForNode("100%%", "w1@box"), "100%");
  });
});

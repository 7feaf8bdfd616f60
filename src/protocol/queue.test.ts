import assert from "node:assert/strict";
import { matchTopic, queue, topicPattern } from "./queue.js";

describe("queue", () => {
  it("has Celery's defaults", () => {
    assert.deepEqual(queue("jobs"), {
      name: "jobs",
      exchange: { name: "jobs", type: "direct", durable: true, autoDelete: false, arguments: {} },
      routingKey: "jobs",
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: {},
      bindings: [],
    });
  });
});

describe("topic patterns", () => {
  // Texts of kombu 5.7.0 and 5.6.2; their stored form has to be the same to the letter.
  const texts: readonly [key: string, newer: string, older: string][] = [
    ["#", "^.*?$", "^.*?$"],
    ["*", "^[^\\.]+$", "^.*?[^\\.]$"],
    ["a.*", "^a\\.[^\\.]+$", "^a\\..*?[^\\.]$"],
    ["a.#.b", "^a\\..*?\\.b$", "^a\\..*?\\.b$"],
    ["a_b-c.*", "^a\\_b\\-c\\.[^\\.]+$", "^a\\_b\\-c\\..*?[^\\.]$"],
    ["a*", "^a*$", "^a*$"],
    ["a b", "^a\\ b$", "^a\\ b$"],
    ["é.ß²", "^é\\.ß²$", "^é\\.ß²$"],
    ["\0.a", "^\\000\\.a$", "^\\000\\.a$"],
    ["😀.a", "^\\😀\\.a$", "^\\😀\\.a$"],
    ["", "^$", "^$"],
  ];
  for (const [key, newer, older] of texts)
    it(`writes ${JSON.stringify(key)} as kombu does`, () => {
      assert.equal(topicPattern(key), newer);
      assert.equal(topicPattern(key, { kombu: "5.7" }), newer);
      assert.equal(topicPattern(key, { kombu: "5.6" }), older);
    });

  it("matches as kombu does: # needs its dots, * is one word since 5.7", () => {
    const matches = (key: string, routingKey: string): boolean => matchTopic(topicPattern(key), routingKey);
    assert.equal(matches("a.*", "a.b"), true);
    assert.equal(matches("a.*", "a.b.c"), false);
    assert.equal(matchTopic(topicPattern("a.*", { kombu: "5.6" }), "a.b.c"), true);
    assert.equal(matches("a.#", "a"), false);
    assert.equal(matches("a.#.b", "a.x.y.b"), true);
    assert.equal(matches("a.#.b", "a.b"), false);
    assert.equal(matches("#", "anything"), true);
    assert.equal(matches("a_b", "a_b"), true);
    assert.equal(matches("😀.a", "😀.a"), true);
    assert.equal(matches("a.b", "axb"), false);
  });

  it("takes nothing with a pattern that is no regular expression", () => {
    assert.equal(matchTopic("^(*$", "a"), false);
  });
});

import assert from "node:assert/strict";
import { maskUrl } from "./url.js";

describe("maskUrl", () => {
  const cases: readonly [url: string, shown: string][] = [
    ["amqp://guest:secret@host:5672//", "amqp://guest:**@host:5672//"],
    ["redis://:secret@host/0", "redis://:**@host/0"],
    ["amqp://host:5672//", "amqp://host:5672//"],
    ["redis://user@host/0", "redis://user@host/0"],
    ["redis+socket:///tmp/a@b.sock?virtual_host=1", "redis+socket:///tmp/a@b.sock?virtual_host=1"],
    ["amqp://a:secret@h1;amqp://b:secret@h2", "amqp://a:**@h1;amqp://b:**@h2"],
    // A password that should have been percent-encoded.
    ["sqs://AKIA:sec/ret@", "sqs://AKIA:**@"],
    ["amqp://u:sec@ret@host", "amqp://u:**@host"],
    ["amqp://u:sec;ret@host", "amqp://u:**@host"],
    ["redis://:sec?ret#@host/0", "redis://:**@host/0"],
    ["amqp://u:sec\nret@host", "amqp://u:**@host"],
    // A host that was forgotten.
    ["db+mysql://user:secret/db", "db+mysql://user:**/db"],
    ["sqs://AKIA:secret", "sqs://AKIA:**"],
    ["zookeeper://h1:2181,h2:2181/vhost", "zookeeper://h1:2181,h2:2181/vhost"],
    ["cassandra://h1:9042,h2/keyspace", "cassandra://h1:9042,h2/keyspace"],
    ["redis://[::1]:6379/0", "redis://[::1]:6379/0"],
    ["redis://h:/0", "redis://h:/0"],
    // A scheme that was forgotten or mistyped.
    ["user:secret@host", "user:**@host"],
    ["amqp:user:secret@host", "amqp:**@host"],
    ["redis:/:secret@host", "redis:**@host"],
    // Secrets in the query.
    ["amqp://h?password=secret&heartbeat=3", "amqp://h?password=**&heartbeat=3"],
    ["sqs://h?aws_secret_access_key=secret&x=1", "sqs://h?aws_secret_access_key=**&x=1"],
    ["db+mysql://h/d?passwd=secret", "db+mysql://h/d?passwd=**"],
    ["rpc", "rpc"],
    ["", ""],
  ];
  for (const [url, shown] of cases)
    it(`${JSON.stringify(url)} is shown as ${shown}`, () => assert.equal(maskUrl(url), shown));
});

import assert from "node:assert/strict";
import type { ResultRecord } from "../../protocol/result.js";
import { ReplyBuffer } from "./reply-buffer.js";

const reply = (taskId: string, result: unknown = null): ResultRecord => ({
  taskId,
  status: "SUCCESS",
  result,
  traceback: null,
  children: null,
  dateDone: null,
});

describe("rpc reply buffer", () => {
  it("keeps the newest per task, also after it was read, until it is forgotten", () => {
    const buffer = new ReplyBuffer({ unread: 10, unreadBytes: 1000, read: 10 }, () => assert.fail("lost"));
    buffer.put("a", reply("a", 1), 10);
    buffer.put("a", reply("a", 2), 10);
    assert.deepEqual(buffer.get("a"), reply("a", 2));
    buffer.markRead("a");
    buffer.markRead("a");
    assert.deepEqual(buffer.get("a"), reply("a", 2));
    buffer.put("a", reply("a", 3), 10);
    assert.deepEqual(buffer.get("a"), reply("a", 3));
    buffer.forget("a");
    assert.equal(buffer.get("a"), undefined);
  });

  it("too many unread ones: the oldest goes and is told of", () => {
    const lost: string[] = [];
    const buffer = new ReplyBuffer({ unread: 2, unreadBytes: 1000, read: 1 }, (id) => lost.push(id));
    for (const id of ["a", "b", "c"]) buffer.put(id, reply(id), 1);
    assert.deepEqual(lost, ["a"]);
    assert.equal(buffer.get("a"), undefined);
    assert.ok(buffer.get("b") && buffer.get("c"));
  });

  it("too many bytes likewise; what was read or replaced counts no more", () => {
    const lost: string[] = [];
    const buffer = new ReplyBuffer({ unread: 99, unreadBytes: 100, read: 1 }, (id) => lost.push(id));
    buffer.put("a", reply("a"), 60);
    buffer.put("a", reply("a"), 60);
    buffer.markRead("a");
    buffer.put("b", reply("b"), 90);
    assert.deepEqual(lost, []);
    buffer.put("c", reply("c"), 20);
    assert.deepEqual(lost, ["b"]);
  });

  it("of those read, the oldest go without a word", () => {
    const buffer = new ReplyBuffer({ unread: 9, unreadBytes: 1000, read: 2 }, () => assert.fail("lost"));
    for (const id of ["a", "b", "c"]) {
      buffer.put(id, reply(id), 1);
      buffer.markRead(id);
    }
    assert.equal(buffer.get("a"), undefined);
    assert.ok(buffer.get("b") && buffer.get("c"));
  });
});

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { OperationalError } from "../../src/index.js";
import { errorLine, exceptionsIn } from "./error-line.js";

describe("errors as one line", () => {
  const traceback = `Python raised
Traceback (most recent call last):
  File "x.py", line 1, in f
    raise KeyError("first")
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "x.py", line 3, in f
kombu.exceptions.OperationalError: [Errno 111] Connection refused
`;

  it("takes the last exception of a traceback", () => {
    assert.equal(errorLine(new Error(traceback)), "kombu.exceptions.OperationalError: [Errno 111] Connection refused");
    assert.equal(exceptionsIn("all is well: no Error here").length, 0);
    const logged =
      "[ERROR] Task x raised unexpected: ValueError\nTraceback (most recent call last):\n  File\nValueError\n[INFO] on";
    assert.deepEqual(exceptionsIn(`${logged}\n`), ["ValueError"]);
    assert.deepEqual(exceptionsIn(`[2026: E] oh\n${traceback}`), [
      "KeyError: 'first'",
      "kombu.exceptions.OperationalError: [Errno 111] Connection refused",
    ]);
  });

  it("names the class of an error of ours", () => {
    assert.equal(errorLine(new OperationalError("gone", { retriable: true })), "OperationalError: gone");
    assert.equal(errorLine(new Error("plain\nsecond line")), "plain");
  });

  it("says the same on every machine", () => {
    const folder = `${tmpdir()}/celeriac-filesystem-aB3xY9/data`;
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const text = `${folder} ${root}src/a.ts 127.0.0.1:12345 interop-0a1b2c3d 0x7f0012345678`;
    assert.equal(errorLine(text), "/tmp/celeriac-filesystem-…/data src/a.ts 127.0.0.1:<port> interop-… 0x…");
    assert.equal(errorLine("for 12345678-1234-1234-1234-123456789abc"), "for <uuid>");
    assert.ok(errorLine("x".repeat(1000)).length <= 300);
  });
});

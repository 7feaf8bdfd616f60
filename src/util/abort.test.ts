import assert from "node:assert/strict";
import { abortable, onAbort } from "./abort.js";

describe("onAbort", () => {
  it("runs each listener once, at once for a signal that is aborted, never after its removal", () => {
    const control = new AbortController();
    const log: string[] = [];
    const listener = (): void => void log.push("twice");
    onAbort(control.signal, listener);
    onAbort(control.signal, listener);
    const off = onAbort(control.signal, () => log.push("removed"));
    off();
    off();
    control.abort();
    assert.deepEqual(log, ["twice", "twice"]);
    onAbort(control.signal, () => log.push("late"));
    assert.deepEqual(log, ["twice", "twice", "late"]);
    onAbort(undefined, () => assert.fail("there is no signal"))();
  });

  it("a listener may remove another, and a signal can be listened to anew", () => {
    const control = new AbortController();
    const log: string[] = [];
    let off = (): void => undefined;
    onAbort(control.signal, () => off());
    off = onAbort(control.signal, () => log.push("removed"));
    const all = [1, 2].map(() => onAbort(control.signal, () => assert.fail("removed")));
    for (const one of all) one();
    control.abort();
    assert.equal(log.length, 0);
    const other = new AbortController();
    onAbort(other.signal, () => log.push("first"))();
    onAbort(other.signal, () => log.push("second"));
    other.abort();
    assert.deepEqual(log, ["second"]);
  });

  it("thousands share one signal without a warning", async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on("warning", listener);
    const control = new AbortController();
    let count = 0;
    for (let index = 0; index < 5000; index++) onAbort(control.signal, () => count++);
    control.abort();
    assert.equal(count, 5000);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listener);
    assert.deepEqual(warnings, []);
  });

  it("abortable: the value, or the signal's reason", async () => {
    const control = new AbortController();
    assert.equal(await abortable(Promise.resolve(1), control.signal), 1);
    const reason = new Error("enough");
    const never = abortable(new Promise<void>(() => undefined), control.signal);
    control.abort(reason);
    await assert.rejects(never, reason);
  });
});

import assert from "node:assert/strict";
import { ImproperlyConfigured, NotSupported } from "../errors.js";
import { silentLogger } from "../util/logger.js";
import type { Backend, BackendOptions } from "./backend.js";
import { openBackend, registerBackend } from "./registry.js";

const options: BackendOptions = {
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: null,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () => Promise.reject(new Error("no broker here")),
};

describe("backend registry", () => {
  it("opens drivers by scheme, some of them by name alone", async () => {
    const urls: Record<string, string> = {
      "redis://localhost": "redis",
      "REDIS://localhost": "redis",
      "rediss://localhost?ssl_cert_reqs=none": "rediss",
      "redis+socket:///x.sock": "redis+socket",
      "rpc://": "rpc",
      rpc: "rpc",
      "file:///tmp": "file",
      "memory://": "memory",
      "cache+memory://": "cache+memory",
      "disabled://": "disabled",
      disabled: "disabled",
      "": "disabled",
    };
    for (const [url, scheme] of Object.entries(urls)) {
      const backend = await openBackend(url, options);
      assert.equal(backend.scheme, scheme, url);
      await backend.close();
    }
  });

  it("an unknown scheme is an error that lists the known ones and hides the password", async () => {
    await assert.rejects(openBackend("riak://user:secret@host", options), (error) => {
      assert.ok(error instanceof ImproperlyConfigured);
      assert.match(error.message, /"riak".*redis, rediss, .*rpc/);
      assert.ok(!error.message.includes("secret"));
      return true;
    });
  });

  it("a driver of somebody else can be registered", async () => {
    const mine = { scheme: "mine" } as Backend;
    registerBackend("mine", () => Promise.resolve({ default: () => mine }));
    assert.equal(await openBackend("mine://x", options), mine);
  });

  it("without a backend reading is refused with the remedy", async () => {
    const backend = await openBackend("", options);
    await assert.rejects(
      backend.load("x"),
      (error) => error instanceof NotSupported && /set `backend`/.test(error.message),
    );
  });
});

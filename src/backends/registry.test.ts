import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ImproperlyConfigured, NotSupported } from "../errors.js";
import type { Backend } from "./backend.js";
import { backendOptions } from "./default-options.js";
import { knownBackends, openBackend, registerBackend } from "./registry.js";

const options = backendOptions({ resultExpires: null });

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

  const unknown: readonly [url: string, said: RegExp][] = [
    ["nonsense://user:secret@h", /no result backend is called nonsense:.*known schemes are redis, .*rpc/],
    ["amqp://user:secret@h", /did you mean rpc:/],
    ["ridis://:secret@h", /did you mean redis:/],
    ["postgres://user:secret@h/d", /did you mean db\+postgresql:/],
    ["postgresql+psycopg2://user:secret@h/d", /did you mean db\+postgresql:/],
    ["pgsql://user:secret@h/d", /did you mean db\+postgresql:/],
    ["mysql://user:secret@h/d", /did you mean db\+mysql:/],
    ["mariadb://user:secret@h/d", /did you mean db\+mariadb:/],
    ["sqlite:///results.db", /did you mean db\+sqlite:/],
    ["filesystem:///folder", /did you mean file:/],
    ["mongodb://user:secret@h", /Celery has the result backend mongodb:\/\/, celeriac does not.*docs\/custom-drivers/],
    ["cache+memcached://user:secret@h", /Celery has the result backend cache\+memcached:/],
    ["user:secret@host:6379", /"user:\*\*@host:6379" is not the URL of a result backend: it has no scheme:/],
    ["cache", /no scheme/],
  ];
  for (const [url, said] of unknown)
    it(`refuses ${JSON.stringify(url)} with a remedy and without the password`, async () => {
      await assert.rejects(openBackend(url, options), (error) => {
        assert.ok(error instanceof ImproperlyConfigured);
        assert.match(error.message, said);
        assert.ok(!inspect(error, { depth: Infinity }).includes("secret"));
        return true;
      });
    });

  it("a driver of somebody else can be registered", async () => {
    const mine = await openBackend("memory://mine", options);
    registerBackend("mine", () => Promise.resolve({ default: () => mine }));
    assert.equal(await openBackend("mine://x", options), mine);
    assert.ok(knownBackends().has("mine"));
  });

  it("what a driver of somebody else lacks is named", async () => {
    const half = { ...(await openBackend("memory://mine", options)), load: undefined } as unknown as Backend;
    registerBackend("half", () => Promise.resolve({ default: () => half }));
    await assert.rejects(openBackend("half://", options), /half:\/\/ opens lacks the method load\(\)/);
    registerBackend("empty", async () => ({}) as { default: () => Backend });
    await assert.rejects(openBackend("empty://", options), /empty:\/\/ has no function as default export/);
  });

  it("without a backend reading is refused with the remedy", async () => {
    const backend = await openBackend("", options);
    await assert.rejects(
      backend.load("x"),
      (error) => error instanceof NotSupported && /set `backend`/.test(error.message),
    );
  });
});

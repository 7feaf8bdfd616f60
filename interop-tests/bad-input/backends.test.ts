import assert from "node:assert/strict";
import type { Backend } from "../../src/index.js";
import { Celery, CeleryError, ImproperlyConfigured, OperationalError } from "../../src/index.js";
import { backends } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { freePort } from "../servers/local.js";
import { needShared } from "../servers/shared.js";
import { assertSilent, failure, listening, SECRET, UNKNOWN, wrongly } from "./complaints.js";

/** What those are told who ask for a state, wait for a result, and store one. */
async function complaints(place: Place): Promise<{ errors: Error[]; lines: string[] }> {
  const { logger, lines } = listening();
  await using app = new Celery({
    broker: "memory://bad-input",
    backend: place.url,
    ...place.settings,
    resultBackendTransportOptions: {
      ...place.transportOptions,
      ...place.settings?.resultBackendTransportOptions,
      retry_policy: { max_retries: 0 },
    },
    logger,
  });
  const result = app.asyncResult("5b1a52bd-9ed7-4a2c-8b0c-9f0f7f9ba1d5");
  const record = { status: "SUCCESS", result: 1, traceback: null, children: [], dateDone: null };
  const errors = [
    await failure(() => result.state()),
    await failure(() => result.get({ timeout: 30 })),
    await failure(async () => (await app.backend()).store({ ...record, taskId: result.id })),
  ];
  return { errors, lines };
}

/** Every result backend asked wrongly: each complaint names the place and the remedy, and never the password. */
for (const driver of backends.filter(({ over, server }) => over === undefined && server !== null))
  describe(`bad input: ${driver.name} results`, function () {
    this.timeout(90_000);
    let place: Place;
    before(async function () {
      if (driver.server) await needShared(this, driver.server);
      place = await driver.prepare();
    });
    after(() => place?.close());

    const [password, port, option] = [
      wrongly(driver.bad, "password"),
      wrongly(driver.bad, "port"),
      wrongly(driver.bad, "option"),
    ];
    if (password)
      it("a wrong password is refused, and trying again is no remedy", async () => {
        const { errors, lines } = await complaints(password(place, SECRET));
        for (const error of errors) {
          assert.ok(error instanceof OperationalError, String(error));
          assert.equal(error.retriable, false, error.message);
          assert.match(error.message, /check|password|user/i);
        }
        assertSilent(SECRET, ...errors, ...lines);
      });

    if (port)
      it("a server that is not there is named", async () => {
        const nobody = await freePort();
        const asked = port(place, nobody);
        const { errors, lines } = await complaints(password ? password(asked, SECRET) : asked);
        for (const error of errors) {
          assert.ok(error instanceof OperationalError, String(error));
          assert.equal(error.retriable, true, error.message);
          assert.match(error.message, new RegExp(`\\b${nobody}\\b`), "the address");
        }
        assertSilent(SECRET, ...errors, ...lines);
        if (driver.secret) assertSilent(driver.secret, ...errors, ...lines);
      });

    if (option)
      it("an unknown option is named", async () => {
        const { errors, lines } = await complaints(option(place, UNKNOWN, "1"));
        for (const error of errors) {
          assert.ok(error instanceof ImproperlyConfigured, String(error));
          assert.match(error.message, new RegExp(UNKNOWN));
        }
        if (driver.secret) assertSilent(driver.secret, ...errors, ...lines);
      });

    it("a URL that makes no sense is refused with an error of the library, or shown without its password", async () => {
      const { logger, lines } = listening();
      const scheme = place.url.slice(0, place.url.indexOf("://"));
      for (const rest of [`%zz:99999/`, `host:99999/`, `/\u0000?=`, `host/v#x`, `host/${SECRET}@h?a=%`, `:1:2`]) {
        const backend = `${scheme}://user:${SECRET}@${rest}`;
        await using app = new Celery({ broker: "memory://bad-input", backend, ...place.settings, logger });
        const opened = await app.backend().catch((error: unknown) => error);
        if (opened instanceof Error) assert.ok(opened instanceof CeleryError, String(opened));
        assertSilent(SECRET, opened instanceof Error ? opened : (opened as Backend).displayUrl, ...lines);
      }
    });
  });

import assert from "node:assert/strict";
import type { Broker } from "../../src/index.js";
import { Celery, CeleryError, ImproperlyConfigured, OperationalError } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { brokers } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { freePort } from "../servers/local.js";
import { needShared } from "../servers/shared.js";
import { assertSilent, failure, listening, SECRET, UNKNOWN, wrongly } from "./complaints.js";

/** What a sender and a worker are told. */
async function complaints(place: Place): Promise<{ sending: Error; working: Error; lines: string[] }> {
  const { logger, lines } = listening();
  await using app = new Celery({
    broker: place.url,
    brokerTransportOptions: place.transportOptions,
    brokerConnectionTimeout: 3,
    brokerConnectionMaxRetries: 0,
    ...place.settings,
    logger,
  });
  const sending = await failure(() => app.sendTask("t", [], { retry: false }));
  const working = await failure(() => new Worker(app).run());
  return { sending, working, lines };
}

/** Every broker asked wrongly: each complaint names the place and the remedy, and never the password. */
for (const driver of brokers)
  describe(`bad input: ${driver.name} broker`, function () {
    this.timeout(60_000);
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
    if (driver.server && password)
      it("a wrong password is refused, and trying again is no remedy", async () => {
        const { sending, working, lines } = await complaints(password(place, SECRET));
        for (const error of [sending, working]) {
          assert.ok(error instanceof OperationalError, String(error));
          assert.equal(error.retriable, false, error.message);
          assert.match(error.message, /check|password|user/i);
        }
        assertSilent(SECRET, sending, working, ...lines);
      });

    if (driver.server && port)
      it("a server that is not there is named", async () => {
        const nobody = await freePort();
        const asked = port(place, nobody);
        const { sending, working, lines } = await complaints(password ? password(asked, SECRET) : asked);
        for (const error of [sending, working]) {
          assert.ok(error instanceof OperationalError, String(error));
          assert.match(error.message, new RegExp(`\\b${nobody}\\b`), "the address");
        }
        assert.equal((sending as OperationalError).retriable, true);
        assertSilent(SECRET, sending, working, ...lines);
        if (driver.secret) assertSilent(driver.secret, sending, working, ...lines);
      });

    if (option)
      it("an unknown option is named", async () => {
        const { sending, lines } = await complaints(option(place, UNKNOWN, "1"));
        assert.ok(sending instanceof ImproperlyConfigured, String(sending));
        assert.match(sending.message, new RegExp(UNKNOWN));
        if (driver.secret) assertSilent(driver.secret, sending, ...lines);
      });

    it("a URL that makes no sense is refused with an error of the library, or shown without its password", async () => {
      const { logger, lines } = listening();
      const scheme = place.url.slice(0, place.url.indexOf("://"));
      for (const rest of [`%zz:99999/`, `host:99999/`, `/\u0000?=`, `host/v#x`, `host/${SECRET}@h?a=%`, `:1:2`]) {
        const broker = `${scheme}://user:${SECRET}@${rest}`;
        await using app = new Celery({ broker, ...place.settings, brokerConnectionTimeout: 1, logger });
        const opened = await app.broker().catch((error: unknown) => error);
        if (opened instanceof Error) assert.ok(opened instanceof CeleryError, String(opened));
        assertSilent(SECRET, opened instanceof Error ? opened : (opened as Broker).displayUrl, ...lines);
      }
    });
  });

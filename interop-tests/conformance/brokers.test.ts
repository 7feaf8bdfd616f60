import { brokerConformance } from "../../src/testing/broker-conformance.js";
import { brokers, openBrokerAt } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { startServer } from "../servers/index.js";
import type { Server } from "../servers/index.js";
import { need } from "../servers/shared.js";
import { isOurs, serverControl } from "./servers.js";

/** Every broker driver against its real server: one of its own, since the suite kills it. */
for (const driver of brokers)
  describe(`broker conformance: ${driver.name}`, function () {
    this.timeout(90_000);
    let server: Server | undefined;
    let place: Place;

    before(async function () {
      const kind = driver.server;
      if (kind) server = await need(this, () => startServer(kind, { persistent: true }));
      place = await driver.prepare(server);
    });
    after(async () => {
      await place?.close();
      await server?.stop();
    });

    const { poison, secret } = driver;
    brokerConformance({
      it,
      describe,
      open: () => openBrokerAt(place),
      ...(poison && { poison: (queue) => poison(place, queue) }),
      ...(driver.server && isOurs(driver.server) && { restart: serverControl(() => server) }),
      ...(secret && { secret }),
    });
  });

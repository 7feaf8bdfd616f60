import type { Backend, BackendOptions } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/registry.js";
import type { Broker } from "../../src/brokers/broker.js";
import { backendConformance } from "../../src/testing/backend-conformance.js";
import { backendOptions, backends, brokerNamed, openBrokerAt } from "../drivers/index.js";
import type { Place } from "../drivers/index.js";
import { startServer } from "../servers/index.js";
import type { Server } from "../servers/index.js";
import { need } from "../servers/shared.js";
import { isOurs, serverControl } from "./servers.js";

/** Every backend driver against its real server, and those that answer through the broker over each broker. */
for (const driver of backends)
  describe(`backend conformance: ${driver.name}`, function () {
    this.timeout(90_000);
    let server: Server | undefined;
    let place: Place;
    /** Where rpc's messages travel. */
    let through: Place | undefined;
    const brokers: Broker[] = [];

    before(async function () {
      const kind = driver.server;
      if (kind) server = await need(this, () => startServer(kind, { persistent: true }));
      place = await driver.prepare(server);
      if (driver.over) through = await brokerNamed(driver.over).prepare(server);
    });
    after(async () => {
      await through?.close();
      await place?.close();
      await server?.stop();
    });

    const connect = async (): Promise<Broker> => {
      if (!through) throw new Error(`${driver.name} has no broker`);
      const broker = await openBrokerAt(through);
      brokers.push(broker);
      return broker;
    };
    const open = (changes: Partial<BackendOptions> = {}): Promise<Backend> => {
      let broker: Promise<Broker> | undefined;
      const expiry = changes.resultExpires === undefined ? {} : driver.expiry?.(changes.resultExpires);
      return openBackend(
        place.url,
        backendOptions(place, {
          ...(through && { broker: () => (broker ??= connect()) }),
          ...changes,
          transportOptions: { ...place.transportOptions, ...changes.transportOptions },
          settings: { ...place.settings, ...expiry, ...changes.settings },
        }),
      );
    };
    const release = async (): Promise<void> => {
      await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    };

    const { corrupt, secret } = driver;
    backendConformance({
      it,
      describe,
      open,
      release,
      ...(corrupt && {
        corrupt: (reader: Backend, taskId: string, bytes: Uint8Array) =>
          corrupt(through ?? place, reader, taskId, bytes),
      }),
      ...(driver.server && isOurs(driver.server) && { restart: serverControl(() => server) }),
      ...(secret && { secret }),
    });
  });

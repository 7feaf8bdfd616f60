import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../util/logger.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Broker, BrokerCapabilities, BrokerOptions } from "../broker.js";
import { virtualBroker } from "../virtual/broker.js";
import type { MessageSource, MessageStore, Route, SourceEvents, SourceOptions } from "../virtual/store.js";
import { Bindings } from "./bindings.js";
import type { Claim } from "./claims.js";
import { fileFailure, isMissing, removeIfThere, writeWhole } from "./files.js";
import { checkName, messageName, queueOf } from "./names.js";
import { checkFolders, filesystemSettings } from "./settings.js";
import type { FilesystemSettings } from "./settings.js";
import { FilesystemSource } from "./source.js";

const capabilities: BrokerCapabilities = {
  fanout: true,
  topic: true,
  priority: false,
  redelivery: "visibility-timeout",
  persistent: true,
  unroutable: true,
  expiration: false,
  delivery: "poll",
};

/**
 * Folders as kombu uses them (kombu/transport/filesystem.py): `filesystem://` with the transport options
 * `data_folder_in`, `data_folder_out` (the same folder for Celery), `control_folder`, `store_processed`,
 * `processed_folder`. The data folders have to exist.
 *
 * @throws ImproperlyConfigured for transport options that cannot be used
 */
export default function open(url: string, options: BrokerOptions): Broker {
  const settings = filesystemSettings(options.transportOptions);
  return virtualBroker(new FilesystemStore(settings, options.logger), {
    scheme: schemeOf(url),
    displayUrl: `${maskUrl(url)} (${settings.folderOut})`,
    capabilities,
    options,
  });
}

class FilesystemStore implements MessageStore<Claim> {
  readonly #settings: FilesystemSettings;
  readonly #logger: Logger;
  readonly #bindings: Bindings;

  constructor(settings: FilesystemSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#bindings = new Bindings(settings.controlFolder);
  }

  async connect(): Promise<void> {
    await checkFolders(this.#settings);
  }

  bind(exchange: string, route: Route): Promise<void> {
    checkName("queue", route.queue);
    return this.#told(`binding in ${this.#settings.controlFolder}`, this.#bindings.add(exchange, route));
  }

  unbind(exchange: string, route: Route): Promise<void> {
    return this.#told(`unbinding in ${this.#settings.controlFolder}`, this.#bindings.remove(exchange, route));
  }

  routes(exchange: string): Promise<readonly Route[]> {
    return this.#told(`reading bindings in ${this.#settings.controlFolder}`, this.#bindings.routes(exchange));
  }

  async put(queue: string, text: string): Promise<void> {
    const name = messageName(checkName("queue", queue));
    const { folderOut } = this.#settings;
    await this.#told(`writing to folder ${folderOut}`, writeWhole(folderOut, name, text));
  }

  async size(queue: string): Promise<number> {
    return (await this.#waiting(queue)).length;
  }

  async purge(queue: string): Promise<number> {
    let count = 0;
    for (const name of await this.#waiting(queue))
      if (await this.#told("purging", removeIfThere(join(this.#settings.folderIn, name)))) count++;
    return count;
  }

  async remove(queue: string): Promise<void> {
    await this.purge(queue);
  }

  source(events: SourceEvents, { noAck }: SourceOptions): MessageSource<Claim> {
    return new FilesystemSource(this.#settings, this.#logger, events, noAck);
  }

  async close(): Promise<void> {}

  async #waiting(queue: string): Promise<string[]> {
    try {
      return (await readdir(this.#settings.folderIn)).filter((name) => queueOf(name) === queue);
    } catch (error) {
      if (isMissing(error)) return [];
      throw fileFailure(`reading folder ${this.#settings.folderIn}`, error);
    }
  }

  async #told<T>(doing: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw fileFailure(doing, error);
    }
  }
}

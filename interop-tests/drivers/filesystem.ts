import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import type { BackendDriver, BrokerDriver } from "./driver.js";
import { commonPlace } from "./place.js";

export const filesystemBroker: BrokerDriver = {
  name: "filesystem",
  server: null,
  results: "file",
  bad: { option: null },
  prepare: () => {
    const folder = temporaryFolder("filesystem");
    for (const name of ["data", "control", "processed"]) mkdirSync(join(folder, name));
    const transportOptions = {
      data_folder_in: join(folder, "data"),
      data_folder_out: join(folder, "data"),
      control_folder: join(folder, "control"),
      processed_folder: join(folder, "processed"),
      // Kombu looks once a second unless told otherwise.
      polling_interval: 0.02,
    };
    return Promise.resolve({
      url: "filesystem://",
      transportOptions,
      python: { url: "filesystem://", transportOptions },
      server: null,
      close: async () => removeFolder(folder),
    });
  },
  poison: async ({ transportOptions }, queue) =>
    writeFileSync(join(String(transportOptions.data_folder_in), `0_foreign.${queue}.msg`), "this is not an envelope"),
};

export const fileBackend: BackendDriver = {
  name: "file",
  server: null,
  prepare: () => {
    const folder = temporaryFolder("results");
    return Promise.resolve(commonPlace(`file://${folder}`, null, async () => removeFolder(folder)));
  },
  corrupt: async (place, _reader, taskId, bytes) =>
    writeFileSync(join(place.url.slice("file://".length), `celery-task-meta-${taskId}`), bytes),
};

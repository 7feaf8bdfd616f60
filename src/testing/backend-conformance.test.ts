import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend, BackendOptions } from "../backends/backend.js";
import openDisabled from "../backends/disabled/index.js";
import openFile from "../backends/file/index.js";
import openMemory from "../backends/memory/index.js";
import { silentLogger } from "../util/logger.js";
import { backendConformance } from "./backend-conformance.js";

const options: BackendOptions = {
  logger: silentLogger,
  serializer: "json",
  acceptContent: ["json"],
  resultExpires: 86_400,
  resultPersistent: false,
  transportOptions: {},
  useSsl: false,
  broker: () => Promise.reject(new Error("no broker here")),
};

describe("backend conformance: memory", () => {
  backendConformance({
    it,
    describe,
    open: (changes): Backend => openMemory("memory://conformance", { ...options, ...changes }),
  });
});

describe("backend conformance: file", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "celeriac-results-"));
  });
  after(() => rm(folder, { recursive: true }));
  backendConformance({
    it,
    describe,
    open: (changes): Backend => openFile(`file://${folder}`, { ...options, ...changes }),
    corrupt: (_reader, taskId, bytes) => writeFile(join(folder, `celery-task-meta-${taskId}`), bytes),
  });
});

describe("backend conformance: disabled", () => {
  backendConformance({
    it,
    describe,
    open: (changes): Backend => openDisabled("disabled://", { ...options, ...changes }),
  });
});

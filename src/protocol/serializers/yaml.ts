import { decodeUtf8 } from "../utf8.js";
import { readYaml } from "../yaml/reader.js";
import { writeYaml } from "../yaml/writer.js";
import type { Serializer } from "./serializer.js";

/** What PyYAML's `safe_dump` and `safe_load` exchange. */
export const yamlSerializer: Serializer = {
  name: "yaml",
  contentType: "application/x-yaml",
  contentEncoding: "utf-8",
  encode: (value) => Buffer.from(writeYaml(value), "latin1"),
  decode: (bytes, options) => readYaml(decodeUtf8(bytes, "the YAML body"), options),
};

import { readPickle } from "../pickle/reader.js";
import { writePickle } from "../pickle/writer.js";
import type { Serializer } from "./serializer.js";

/** Pickle as data: see `readPickle` for what is understood and what stays inert. */
export const pickleSerializer: Serializer = {
  name: "pickle",
  contentType: "application/x-python-serialize",
  contentEncoding: "binary",
  encode: (value) => writePickle(value),
  decode: (bytes, options) => readPickle(bytes, options),
};

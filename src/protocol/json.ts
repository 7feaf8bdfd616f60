/** JSON as kombu speaks it, in both directions. */
export { loads, type LoadsOptions } from "./json-reader.js";
export { dumps } from "./json-writer.js";

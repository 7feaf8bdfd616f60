/** Task messages, both protocol versions: the request they carry, its encoding and its decoding. */
export { taskRequest } from "./task-request.js";
export type { TaskRequest } from "./task-request.js";
export { encodeTask } from "./task-encoding.js";
export type { EncodeTaskOptions } from "./task-encoding.js";
export { decodeTask } from "./task-decoding.js";
export type { DecodeTaskOptions } from "./task-decoding.js";
export { plainNumbers } from "./plain-numbers.js";

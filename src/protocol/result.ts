/** Results: their states, documents, tuples and keys. */
export { isException, isPropagated, isReady } from "./result-record.js";
export type { ExceptionDocument, ExtendedResult, ResultNode, ResultRecord, State } from "./result-record.js";
export { dateDone, resultFromDocument, resultToDocument, rpcDocument } from "./result-document.js";
export { groupDocument, nodeFromGroupDocument, nodeFromTuple, resultTuple } from "./result-node.js";
export { chordKey, groupKey, normalisePrefix, taskKey } from "./result-keys.js";

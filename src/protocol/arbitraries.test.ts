import fc from "fast-check";
import type { SignatureDocument } from "./signature.js";
import type { TaskRequest } from "./task-request.js";

/** Values for the property tests of documents. No tests in here. */

const key = fc.string({ maxLength: 8 }).filter((text) => text !== "__proto__" && text !== "__type__");

/** Data that every serializer keeps: texts, safe integers, fractions, booleans, null, arrays, objects. */
export const data: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.string({ maxLength: 12 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

export const mapping = fc.dictionary(key, data, { maxKeys: 4, noNullPrototype: true });

const name = fc.stringMatching(/^[a-z][a-z0-9_.]{0,12}$/);
export const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });

export const signature: fc.Arbitrary<SignatureDocument> = fc.record(
  {
    task: name,
    args: fc.array(data, { maxLength: 3 }),
    kwargs: mapping,
    options: mapping,
    subtask_type: orNull(fc.constantFrom("chain", "group", "chord")),
    immutable: fc.boolean(),
  },
  { noNullPrototype: true },
);

const isoText = fc
  .date({ min: new Date("1971-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString().replace("Z", "+00:00"));

const signatures = orNull(fc.array(signature, { maxLength: 2 }));

export const request: fc.Arbitrary<TaskRequest> = fc.record(
  {
    id: fc.uuid(),
    task: name,
    args: fc.array(data, { maxLength: 3 }),
    kwargs: mapping,
    rootId: fc.uuid(),
    parentId: orNull(fc.uuid()),
    group: orNull(fc.uuid()),
    groupIndex: orNull(fc.nat()),
    shadow: orNull(name),
    eta: orNull(isoText),
    expires: orNull(isoText),
    retries: fc.nat(),
    timeLimit: fc.tuple(orNull(fc.nat()), orNull(fc.nat())),
    argsrepr: fc.string(),
    kwargsrepr: fc.string(),
    origin: orNull(name),
    ignoreResult: orNull(fc.boolean()),
    replacedTaskNesting: fc.nat(),
    stampedHeaders: orNull(fc.array(name, { maxLength: 3 })),
    stamps: mapping,
    headers: fc.dictionary(
      name.map((text) => `my_${text}`),
      data,
      { maxKeys: 3, noNullPrototype: true },
    ),
    callbacks: signatures,
    errbacks: signatures,
    chain: signatures,
    chord: orNull(signature),
    replyTo: orNull(fc.uuid()),
    correlationId: fc.uuid(),
    priority: fc.integer({ min: 0, max: 9 }),
    lang: fc.constantFrom("js", "py"),
    protocol: fc.constant(2 as const),
  },
  { noNullPrototype: true },
);

/** Small hostile changes: whatever another program could have written in a document's place. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(undefined, null, "", "x", 0, -1, 1.5, NaN, true, 10n ** 20n, [], {}, [[]], [[[]]], new Map([[1, 2]])),
  fc.anything({ maxDepth: 3, withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
);

/** A document with one member somewhere replaced by junk or taken away. */
export const mutated = (document: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(document, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), junk)
    .map(([value, path, other]) => replace(value, path, other));

function replace(value: unknown, path: readonly number[], other: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== "object" || value === null) return other;
  const keys = Object.keys(value);
  const at = keys[first % (keys.length || 1)];
  if (at === undefined) return other;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
  if (rest.length === 0 && other === undefined) delete copy[at];
  else copy[at] = replace(copy[at], rest, other);
  return copy;
}

/** Runs it and answers what it threw, or undefined. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error ?? new Error("threw nothing");
  }
}

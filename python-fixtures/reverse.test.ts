import assert from "node:assert/strict";
import fc from "fast-check";
import { celeryVersions } from "../interop-tests/python/venvs.mjs";
import { compress } from "../src/protocol/compression.js";
import { dumps, loads } from "../src/protocol/json.js";
import { encodeContent } from "../src/protocol/serializers/registry.js";
import { isUntyped } from "./decode-values.js";
import { canonical, toNeutral } from "./neutral.js";
import { PythonReader } from "./python-reader.js";
import type { Case } from "./reverse-case.js";
import { documentCases } from "./reverse-documents.js";
import { catalogue, serializerNames, values, type SerializerName } from "./reverse-values.js";

/** What is written here is read by kombu and Celery of each version, and is the same value there. */

const GENERATED = 150;
const seed = Number(process.env["CELERIAC_SEED"] ?? Date.now() % 2 ** 31);

/** kombu 5.2 reads typed objects as the plain dicts that they are. */
const untyped = (value: unknown): unknown => loads(dumps(value), { floats: "keep", typed: false });

const contentRequest = (value: unknown, serializer: SerializerName, compression?: string): Record<string, unknown> => {
  const { body, contentType, contentEncoding } = encodeContent(value, serializer);
  const packed = compression === undefined ? body : compress(compression, body).body;
  return {
    op: "content",
    contentType,
    contentEncoding,
    body: Buffer.from(packed).toString("base64"),
    ...(compression !== undefined && { compression }),
  };
};

/** Pairs have no order of their own in the notation. */
const keepsOrder = (value: unknown): boolean => !JSON.stringify(toNeutral(value)).includes('"$dict"');

const compressions = ["gzip", "bzip2", "lzma", "brotli", "zstd"];

for (const version of celeryVersions)
  describe(`what Celery ${version} reads (CELERIAC_SEED=${seed})`, function () {
    this.timeout(60_000);
    let python: PythonReader;
    before(async () => {
      python = await PythonReader.start(version);
    });
    after(() => python.close());

    /** Asks for everything at once and shows the first few that differ. */
    async function compare(cases: readonly Case[]): Promise<void> {
      const answers = await Promise.all(cases.map(({ request }) => python.ask(request)));
      const problems = cases.flatMap(({ name, expected, pick }, index) => {
        const answer = answers[index];
        try {
          assert.equal(answer?.error, undefined);
          assert.deepEqual(canonical(pick ? pick(answer?.value) : answer?.value), expected);
          return [];
        } catch (error) {
          return [`- ${name}: ${(error as Error).message}`];
        }
      });
      assert.equal(
        problems.length,
        0,
        `${problems.length} of ${cases.length} differ\n${problems.slice(0, 8).join("\n")}`,
      );
    }

    const contentCase = (value: unknown, serializer: SerializerName, name: string, compression?: string): Case => ({
      name,
      request: contentRequest(value, serializer, compression),
      expected: toNeutral(serializer === "json" && isUntyped(version) ? untyped(value) : value),
    });

    for (const serializer of serializerNames) {
      it(`${serializer}: values by hand`, () =>
        compare(catalogue(serializer).map((value, index) => contentCase(value, serializer, `${serializer} ${index}`))));

      it(`${serializer}: ${GENERATED} generated values`, () =>
        compare(
          fc
            .sample(values(serializer), { seed, numRuns: GENERATED })
            .map((value, index) => contentCase(value, serializer, `${serializer} generated ${index}`)),
        ));
    }

    // Redis compares the texts of chord parts: a part finished once here and once in Python has to be one text.
    if (!isUntyped(version))
      it("json: our text is the text that kombu writes", () =>
        compare(
          [...catalogue("json"), ...fc.sample(values("json"), { seed, numRuns: GENERATED })]
            .filter(keepsOrder)
            .map((value, index) => ({
              name: `text ${index}`,
              request: { op: "text", value: toNeutral(value) },
              expected: dumps(value),
            })),
        ));

    for (const compression of compressions)
      it(`${compression}: with every serializer`, () =>
        compare(
          serializerNames.flatMap((serializer) =>
            ["", "word ".repeat(400), Array.from({ length: 300 }, (_, index) => ({ index }))].map((value) =>
              contentCase(value, serializer, `${compression} ${serializer}`, compression),
            ),
          ),
        ));

    for (const [subject, cases] of Object.entries(documentCases)) it(subject, () => compare(cases(version)));
  });

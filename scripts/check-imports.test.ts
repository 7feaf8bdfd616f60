import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkImports } from "./check-imports.js";

/** The breaches found in a source tree made of these files. */
function check(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-imports-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return checkImports(folder).problems;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("check-imports", () => {
  it("lets pass what keeps to the floors", () => {
    const problems = check({
      "errors.ts": "export class E extends Error {}",
      "protocol/message.ts": 'import { E } from "../errors.js"; export const e = E;',
      "brokers/broker.ts": 'import type { e } from "../protocol/message.js"; export type B = typeof e;',
      "brokers/registry.ts":
        'import type { B } from "./broker.js"; export const load = (): Promise<{ b: B | null }> => import("./redis/index.js");',
      "brokers/redis/index.ts": 'import type { B } from "../broker.js"; export const b: B | null = null;',
      "backends/rpc/index.ts": 'import type { B } from "../../brokers/broker.js"; export type R = B;',
      "client/app.ts": 'import { load } from "../brokers/registry.js"; export const app = load;',
    });
    assert.deepEqual(problems, []);
  });

  const breaches: readonly [what: string, files: Record<string, string>, said: RegExp][] = [
    [
      "a floor that reaches up",
      { "protocol/a.ts": 'import "../client/b.js";', "client/b.ts": "export {};" },
      /protocol\/a\.ts:1 .*reaches up/,
    ],
    [
      "a driver that knows another",
      { "brokers/redis/a.ts": 'import "../amqp/b.js";', "brokers/amqp/b.ts": "export {};" },
      /does not know another driver/,
    ],
    [
      "a driver that knows its registry",
      { "brokers/redis/a.ts": 'import type { R } from "../registry.js";', "brokers/registry.ts": "export type R = 1;" },
      /does not know its registry/,
    ],
    [
      "a registry that loads a driver at once",
      { "brokers/registry.ts": 'import "./redis/a.js";', "brokers/redis/a.ts": "export {};" },
      /by import\(\) alone/,
    ],
    [
      "a backend that uses a broker by value",
      {
        "backends/rpc/a.ts": 'import { b } from "../../brokers/broker.js";',
        "brokers/broker.ts": "export const b = 1;",
      },
      /only the interface, by type/,
    ],
    [
      "a client that knows a driver",
      { "client/a.ts": 'import "../brokers/redis/b.js";', "brokers/redis/b.ts": "export {};" },
      /interfaces and the registries only/,
    ],
    [
      "a circle of types",
      {
        "util/a.ts": 'import type { B } from "./b.js"; export type A = B;',
        "util/b.ts": 'import type { A } from "./a.js"; export type B = A | 1;',
      },
      /circle: src\/util\/[ab]\.ts -> src\/util\/[ab]\.ts/,
    ],
    ["a place without a floor", { "other/a.ts": 'import "../errors.js";', "errors.ts": "export {};" }, /no floor/],
  ];
  for (const [what, files, expected] of breaches)
    it(`finds ${what}`, () => {
      const problems = check(files);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", expected);
    });
});

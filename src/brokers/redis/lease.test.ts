import assert from "node:assert/strict";
import { OperationalError } from "../../errors.js";
import type { Link } from "../../util/redis/link.js";
import { Keys } from "./keys.js";
import { Lease, renew } from "./lease.js";
import { redisSettings } from "./settings.js";

const keys = new Keys(redisSettings({}), 0);

/** A link that answers RENEW as told, and remembers what it was asked. */
function link(answer: (rows: unknown[][]) => number[] | Error): { link: Link; asked: unknown[][][] } {
  const asked: unknown[][][] = [];
  const fake = {
    run: async (_script: unknown, _keys: unknown, args: readonly unknown[]) => {
      const rows = Array.from({ length: args.length / 3 }, (_, at) => args.slice(at * 3, at * 3 + 3));
      asked.push(rows);
      const answered = answer(rows);
      if (answered instanceof Error) throw answered;
      return answered;
    },
  };
  return { link: fake as unknown as Link, asked };
}

const scores = (lease: Lease): number[] => lease.tickets.map(({ score }) => score);

describe("leases of Redis records", () => {
  it("get new scores in their old order", async () => {
    const leases = [new Lease("a", 1), new Lease("b", 2)];
    const { link: server, asked } = link(() => []);
    assert.equal(await renew(server, keys, leases, () => 10), 0);
    assert.deepEqual(asked, [
      [
        ["a", 1, 10],
        ["b", 2, 10.000001],
      ],
    ]);
    assert.deepEqual(leases.map(scores), [[10], [10.000001]]);
  });

  it("that somebody else has by now are counted once and left alone", async () => {
    const leases = [new Lease("a", 1), new Lease("b", 2)];
    const { link: server, asked } = link((rows) => rows.flatMap(([name], at) => (name === "a" ? [at + 1] : [])));
    assert.equal(await renew(server, keys, leases, () => 10), 1);
    assert.equal(await renew(server, keys, leases, () => 20), 0);
    assert.deepEqual(asked[1], [["b", 10.000001, 20]]);
  });

  it("are named by both scores while nobody knows which one holds", async () => {
    const [lease] = [new Lease("a", 1)];
    const { link: silent } = link(() => new OperationalError("connection lost"));
    await assert.rejects(renew(silent, keys, [lease], () => 10));
    assert.deepEqual(scores(lease), [1, 10]);
    // The renewal had taken effect: of the two claims one fits.
    const { link: server, asked } = link(() => [1]);
    assert.equal(await renew(server, keys, [lease], () => 20), 0);
    assert.deepEqual(asked, [
      [
        ["a", 1, 20],
        ["a", 10, 20],
      ],
    ]);
    assert.deepEqual(scores(lease), [20]);
  });

  it("keep their score when the server refuses", async () => {
    const lease = new Lease("a", 1);
    const reply = Object.assign(new Error("OOM"), { name: "ReplyError" });
    const { link: server } = link(() => new OperationalError("refused", { cause: reply }));
    await assert.rejects(renew(server, keys, [lease], () => 10));
    assert.deepEqual(scores(lease), [1]);
  });

  it("that ended meanwhile are not renewed", async () => {
    const leases = Array.from({ length: 501 }, (_, n) => new Lease(`n${n}`, n));
    const { link: server, asked } = link(() => {
      leases[500]?.end();
      return [];
    });
    assert.equal(await renew(server, keys, leases, () => 1000), 0);
    assert.deepEqual(
      asked.map((rows) => rows.length),
      [500],
    );
  });
});

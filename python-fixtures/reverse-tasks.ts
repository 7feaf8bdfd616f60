import { signatureDocument } from "../src/protocol/signature.js";
import { encodeTask, taskRequest, type TaskRequest } from "../src/protocol/task-message.js";
import { Decimal, Float, PlainDate, Uuid } from "../src/protocol/values.js";
import { isUntyped } from "./decode-values.js";
import { toNeutral } from "./neutral.js";
import { serializerNames } from "./reverse-values.js";
import { ID, OTHER, GROUP, envelope, only, type Case, type Fields } from "./reverse-case.js";

/** Task messages of ours, for Celery's own Request to read. */

const later = signatureDocument({ task: "app.mul", args: [2], options: { task_id: OTHER } });

function requests(version: string): Readonly<Record<string, Partial<TaskRequest>>> {
  return {
    plain: { args: [1, 2] },
    "no arguments": {},
    keywords: { kwargs: { x: 1, y: [null, { z: true }] } },
    "all ids": { rootId: OTHER, parentId: OTHER, group: GROUP, groupIndex: 300, replyTo: OTHER },
    eta: { eta: "2026-11-20T15:52:33.333320+00:00", expires: "2999-01-01T00:00:00+00:00" },
    "eta in another zone": { eta: "2026-11-20T15:52:33+05:30" },
    limits: { timeLimit: [300, 240.5], retries: 200, shadow: "shown" },
    links: { callbacks: [later], errbacks: [later, later] },
    chain: { chain: [later, signatureDocument({ task: "app.add", immutable: true })] },
    "end of a chain": { chain: [] },
    chord: { group: GROUP, groupIndex: 0, chord: signatureDocument({ task: "app.tsum", options: { task_id: OTHER } }) },
    "own headers": { headers: { tenant: "acme", n: -129, big: 2 ** 40, list: [1, "é"], table: { deep: { k: 1 } } } },
    numbers: { args: [2n ** 70n, -(2n ** 60n), new Float(1), 0.1, -0, NaN, 1e22, 5e-324] },
    text: { args: ["é😀\u2028\u0000'\"\\"], kwargs: { ключ: "значение" } },
    reprs: { args: ["secret"], argsrepr: "('***',)", kwargsrepr: "{}" },
    "ignored result": { ignoreResult: true, origin: "gen1@host", lang: "js" },
    ...(!isUntyped(version) && {
      typed: {
        args: [new Date(0), new Decimal("1.10"), new Uuid(ID), new PlainDate("2026-01-02"), Buffer.from([0, 255])],
      },
      stamps: { stampedHeaders: ["tenant"], stamps: { tenant: ["a", 1] }, replacedTaskNesting: 2 },
    }),
  };
}

function describe(request: TaskRequest): Fields {
  const { timeLimit, eta, expires, callbacks, errbacks, chain, chord, ...rest } = request;
  return {
    ...rest,
    timelimit: timeLimit,
    etaText: eta,
    expiresText: expires,
    embed: { callbacks, errbacks, chain, chord },
  };
}

const COMMON = [
  "id",
  "task",
  "args",
  "kwargs",
  "group",
  "groupIndex",
  "retries",
  "timelimit",
  "etaText",
  "expiresText",
];
const SECOND = ["rootId", "parentId", "shadow", "argsrepr", "kwargsrepr", "origin", "ignoreResult", "lang", "embed"];
const THIRD = ["stampedHeaders", "stamps", "replacedTaskNesting"];

export function tasks(version: string, protocol: 1 | 2): Case[] {
  return Object.entries(requests(version)).flatMap(([name, given]) => {
    const request = taskRequest({ id: ID, task: "app.add", ...given });
    const names = protocol === 2 ? [...COMMON, ...SECOND, ...THIRD, "correlationId"] : COMMON;
    const kinds =
      name === "plain"
        ? serializerNames.flatMap((serializer) =>
            [null, "gzip", "bzip2"].map((compression) => ({ serializer, compression })),
          )
        : [{ serializer: "json", compression: null }];
    return kinds.map(({ serializer, compression }) => ({
      name: `${name} ${serializer} ${compression ?? ""}`,
      request: { op: "task", envelope: envelope(encodeTask(request, { protocol, serializer, compression })) },
      expected: toNeutral({ ...(only(names)(describe(request)) as Fields), protocol, deliveryTag: "tag-1" }),
      pick: (answer: unknown) => {
        const { request: read, deliveryTag } = answer as { request: Fields; deliveryTag: string };
        return { ...(only(names)(read) as Fields), protocol: read["protocol"], deliveryTag };
      },
    }));
  });
}

/** Headers that are not the protocol's reach `task.request.headers`, which Celery 5.2 does not have. */
export function ownHeaders(version: string): Case[] {
  if (isUntyped(version)) return [];
  const headers = { tenant: "acme", n: -129, big: 2 ** 40, list: [1, "é"], table: { deep: { k: 1 } } };
  const request = taskRequest({ id: ID, task: "app.add", headers });
  return ([1, 2] as const).map((protocol) => ({
    name: `protocol ${protocol}`,
    request: { op: "task", envelope: envelope(encodeTask(request, { protocol })) },
    expected: toNeutral(headers),
    pick: (answer: unknown) => (answer as { request: Fields }).request["headers"],
  }));
}

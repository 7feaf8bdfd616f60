/**
 * Benchmarks as ratios of one run. Every contestant is a process of its own; they take turns, round after round, so a
 * machine that gets slower is slower for all, and medians are quoted. `npm run bench -- --only redis-publish --rounds 5`.
 */
import { parseArgs } from "node:util";
import { startServer } from "../interop-tests/servers/index.js";
import { type Contest, consumeContests, eventContests, publishContests } from "./contests.js";
import { memoryRun, waitingRun } from "./memory.js";
import { compare } from "./report.js";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    scale: { type: "string", default: "1" },
  },
});
const rounds = Number(values.rounds);
const scale = Number(values.scale);
const wanted = values.only?.split(",");
const [redis, rabbitmq] = await Promise.all([startServer("redis"), startServer("rabbitmq")]);
try {
  const contests: readonly Contest[] = [
    ...publishContests(redis, rabbitmq, scale),
    ...consumeContests(redis, rabbitmq, scale),
    ...eventContests(redis, rabbitmq, scale),
  ];
  for (const contest of contests) if (!wanted || wanted.includes(contest.name)) await compare(contest, rounds);
  if (!wanted || wanted.includes("memory")) await memoryRun(redis, scale);
  if (!wanted || wanted.includes("waiting"))
    for (const [server, count] of [
      [redis, 1_000_000],
      [rabbitmq, 200_000],
    ] as const)
      await waitingRun(server, Math.round(count * scale));
} finally {
  await Promise.all([redis.stop(), rabbitmq.stop()]);
}

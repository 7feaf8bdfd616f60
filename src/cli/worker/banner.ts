import { arch, release, type as system } from "node:os";
import type { Celery } from "../../client/app.js";
import type { Queue } from "../../protocol/queue.js";
import { now } from "../../util/time.js";
import { VERSION } from "../../util/version.js";
import { timestamp } from "../log-record.js";

/** What a worker tells of itself when it starts. */
export interface Facts {
  readonly hostname: string;
  /** As `-A` named it. */
  readonly app: string;
  /** URLs with their secrets masked. */
  readonly transport: string;
  readonly results: string;
  readonly concurrency: number;
  readonly pool: string;
  readonly taskEvents: boolean;
  readonly queues: readonly Queue[];
  readonly tasks: readonly string[];
}

export const platform = (): string => `${system()}-${release()}-${arch()} Node-${process.version}`;

/** The sections that Celery's banner has (celery/apps/worker.py), so that what reads them goes on doing so. */
export function banner(facts: Facts): string {
  const { hostname, app, transport, results, concurrency, pool, taskEvents, queues } = facts;
  return [
    "",
    `${hostname} v${VERSION} (celeriac)`,
    "",
    `${platform()} ${timestamp(now()).slice(0, 19)}`,
    "",
    "[config]",
    `.> app:         ${app}`,
    `.> transport:   ${transport}`,
    `.> results:     ${results}`,
    `.> concurrency: ${concurrency} (${pool})`,
    `.> task events: ${taskEvents ? "ON" : "OFF (enable -E to monitor tasks in this worker)"}`,
    "",
    "[queues]",
    ...queues.map(queueLine).sort(),
    "",
    "",
  ].join("\n");
}

/** Shown at INFO and below. */
export const taskList = (tasks: readonly string[]): string =>
  ["[tasks]", ...tasks.map((name) => `  . ${name}`), "", ""].join("\n");

const queueLine = ({ name, exchange, routingKey }: Queue): string =>
  `.> ${name.padEnd(16)} exchange=${exchange.name}(${exchange.type}) key=${routingKey}`;

/** Names of the application's own tasks; `builtins` adds Celery's. */
export const taskNames = (app: Celery, builtins: boolean): string[] =>
  [...app.tasks.keys()].filter((name) => builtins || !name.startsWith("celery.")).sort();

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { ensureElasticmq } from "./elasticmq/fetch.mjs";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server, ServerOptions } from "./server.js";

/**
 * A private ElasticMQ on a free port: an SQS server with Amazon's limits. It believes every key. With `persistent` its
 * queues and messages survive its death.
 */
export async function startLocalSqs({ persistent = false }: ServerOptions = {}): Promise<Server> {
  const java = await findProgram("java");
  if (!java) throw new ServerMissing("ElasticMQ needs Java (Debian, Ubuntu: apt install default-jre-headless)");
  const jars = await ensureElasticmq().catch((error: unknown) => {
    throw new ServerMissing(error instanceof Error ? error.message : String(error));
  });
  const folder = temporaryFolder("sqs");
  const port = await freePort();
  const config = join(folder, "elasticmq.conf");
  // Without a write delay, what was answered is on disk (or in the system's cache, which outlives the process).
  const database = `jdbc:h2:${join(folder, "messages")};WRITE_DELAY=0`;
  writeFileSync(
    config,
    [
      'include classpath("application.conf")',
      `node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }`,
      `rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = ${port}, sqs-limits = strict }`,
      "rest-stats { enabled = false }",
      'aws { region = us-east-1, accountId = "000000000000" }',
      ...(persistent ? [`messages-storage { enabled = true, uri = "${database}" }`] : []),
      "",
    ].join("\n"),
  );
  const args = [
    ...["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", `-Dconfig.file=${config}`],
    ...["-cp", join(jars, "*"), "org.elasticmq.server.Main"],
  ];
  let child: Child;
  let version: string | undefined;
  const start = async (): Promise<void> => {
    child = startChild(java, args, { cwd: folder });
    [, version] = await child.until(/ElasticMQ server \((.*)\) started/, 60);
  };
  await start();
  return {
    kind: "sqs",
    provider: "local",
    owned: true,
    url: `sqs://AKIATESTS:se%2Fcret-key@127.0.0.1:${port}`,
    version,
    kill: () => child.kill(),
    restart: async () => {
      await child.end("SIGTERM", 10);
      await start();
    },
    stop: async () => {
      await child.end("SIGTERM", 10);
      removeFolder(folder);
    },
  };
}

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureCassandra } from "./cassandra/jars.mjs";
import { cassandraJava } from "./cassandra/java.js";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server } from "./server.js";

/**
 * A private Cassandra of one node with passwords (cassandra/cassandra), ready in about six seconds. What it acknowledged
 * is in its commit log before the answer, so that it survives being killed.
 */
export async function startLocalCassandra(): Promise<Server> {
  const java = await cassandraJava();
  const jars = await ensureCassandra().catch((error: unknown) => {
    throw new ServerMissing(error instanceof Error ? error.message : String(error));
  });
  const folder = temporaryFolder("cassandra");
  const { host, port, storage } = await freeAddress();
  mkdirSync(join(folder, "tmp"));
  writeFileSync(join(folder, "cassandra.yaml"), configuration(folder, host, port, storage));
  writeFileSync(join(folder, "logback.xml"), logging);
  const args = [
    ...["-Xms512M", "-Xmx512M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"],
    ...["-cp", join(jars, "*"), ...modules, ...properties(folder), "org.apache.cassandra.service.CassandraDaemon"],
  ];
  const start = async (): Promise<Child> => {
    const started = startChild(java, args, { cwd: folder });
    await started.until(/Startup complete/, 90);
    return started;
  };
  let child = await start();
  // The account is made after the start; once made, it stays.
  await child.until(/Created default superuser role/, 30);
  return {
    kind: "cassandra",
    provider: "local",
    owned: true,
    url: `cassandra://cassandra:cassandra@${host}:${port}`,
    kill: () => child.kill(),
    // It takes long to end by itself, and its commit log has everything.
    restart: async () => {
      await child.kill();
      child = await start();
    },
    stop: async () => {
      await child.kill();
      removeFolder(folder);
    },
  };
}

/**
 * Before 5.5 Celery does not read `cassandra_port` and always takes 9042. Where the system has more than one address of
 * its own, as Linux has, each server gets one of them and that port.
 */
async function freeAddress(): Promise<{ host: string; port: number; storage: number }> {
  const part = (): number => 1 + Math.floor(Math.random() * 253);
  for (let attempt = 0; attempt < 50; attempt++) {
    const host = `127.${part()}.${part()}.${part()}`;
    if (await canListen(host, 9042)) return { host, port: 9042, storage: 7000 };
  }
  return { host: "127.0.0.1", port: await freePort(), storage: await freePort() };
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

const configuration = (folder: string, host: string, port: number, storage: number): string => `
cluster_name: celeriac
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
listen_address: ${host}
rpc_address: ${host}
storage_port: ${storage}
native_transport_port: ${port}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "${host}:${storage}" }]
data_file_directories: [${JSON.stringify(join(folder, "data"))}]
commitlog_directory: ${JSON.stringify(join(folder, "commitlog"))}
saved_caches_directory: ${JSON.stringify(join(folder, "caches"))}
hints_directory: ${JSON.stringify(join(folder, "hints"))}
cdc_raw_directory: ${JSON.stringify(join(folder, "cdc"))}
commitlog_sync: batch
authenticator: { class_name: PasswordAuthenticator }
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
auto_snapshot: false
hinted_handoff_enabled: false
`;

const logging = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5level %logger{0} %msg%n</pattern></encoder></appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
  <logger name="org.apache.cassandra.config.Config" level="WARN"/>
</configuration>
`;

/** Nobody else is in this cluster: nothing has to be waited for. Few rounds of hashing make a login quick. */
const properties = (folder: string): string[] =>
  Object.entries({
    "cassandra.config": pathToFileURL(join(folder, "cassandra.yaml")).href,
    "logback.configurationFile": join(folder, "logback.xml"),
    "cassandra.storagedir": folder,
    "java.io.tmpdir": join(folder, "tmp"),
    "cassandra-foreground": "yes",
    "cassandra.ring_delay_ms": 0,
    "cassandra.skip_wait_for_gossip_to_settle": 0,
    "cassandra.superuser_setup_delay_ms": 0,
    "cassandra.auth_bcrypt_gensalt_log2_rounds": 4,
    "io.netty.tryReflectionSetAccessible": true,
    "jdk.attach.allowAttachSelf": true,
  }).map(([name, value]) => `-D${name}=${value}`);

/** What Cassandra uses of Java's inside, from its own jvm17-server.options. */
const modules = [
  ...[
    ...["java.base/jdk.internal.misc", "java.base/java.lang.ref", "java.sql/java.sql", "jdk.unsupported/sun.misc"],
    ...["java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server"],
  ].map((name) => `--add-exports=${name}=ALL-UNNAMED`),
  ...[
    ...["io", "lang", "lang.module", "lang.reflect", "nio", "util"].map((name) => `java.base/java.${name}`),
    ...["loader", "math", "module", "ref", "reflect", "util.jar"].map((name) => `java.base/jdk.internal.${name}`),
    ...["java.base/sun.nio.ch", "jdk.management/com.sun.management.internal"],
  ].map((name) => `--add-opens=${name}=ALL-UNNAMED`),
];

import { mkdirSync, writeFileSync } from "node:fs";
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
  const port = await freePort();
  const [storage, secureStorage] = [await freePort(), await freePort()];
  mkdirSync(join(folder, "tmp"));
  writeFileSync(join(folder, "cassandra.yaml"), configuration(folder, port, storage, secureStorage));
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
    url: `cassandra://cassandra:cassandra@127.0.0.1:${port}`,
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

const configuration = (folder: string, port: number, storage: number, secureStorage: number): string => `
cluster_name: celeriac
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: ${storage}
ssl_storage_port: ${secureStorage}
native_transport_port: ${port}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "127.0.0.1:${storage}" }]
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

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { startChild } from "../children.js";
import { findProgram } from "../local.js";
import { ServerMissing } from "../server.js";

/** What Cassandra 5.0 runs on. */
const VERSIONS = [17, 11];
/** Where Debian and Ubuntu keep one folder per version. */
const FOLDER = "/usr/lib/jvm";

/** A Java that Cassandra runs on: `JAVA_HOME`, the one on PATH, or another that is installed. */
export async function cassandraJava(): Promise<string> {
  const installed = await readdir(FOLDER).catch(() => []);
  const home = process.env.JAVA_HOME;
  const candidates = [
    ...(home ? [join(home, "bin", "java")] : []),
    "java",
    ...VERSIONS.flatMap((version) => installed.filter((name) => name.startsWith(`java-${version}-openjdk`))).map(
      (name) => join(FOLDER, name, "bin", "java"),
    ),
  ];
  for (const candidate of candidates) {
    const program = await findProgram(candidate);
    if (program && VERSIONS.includes(await versionOf(program))) return program;
  }
  throw new ServerMissing(
    "Cassandra needs Java 17 or 11 (Debian 12: apt install default-jre-headless maven), or set CASSANDRA_URL",
  );
}

async function versionOf(program: string): Promise<number> {
  const child = startChild(program, ["-version"]);
  await child.ended;
  return Number(/version "(\d+)/.exec(child.output)?.[1]);
}

import { fileURLToPath } from "node:url";
import { ensureJars } from "../maven.mjs";

/** The folder with Cassandra's jars, fetched when they are not there. */
export const ensureCassandra = (log) =>
  ensureJars(
    { name: "Cassandra", pom: fileURLToPath(new URL("pom.xml", import.meta.url)), variable: "CASSANDRA_URL" },
    log,
  );

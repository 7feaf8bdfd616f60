/** What it takes to open a driver without connecting, where `scheme://localhost` alone does not do. */
export interface Sample {
  readonly url: string;
  readonly transportOptions?: Readonly<Record<string, unknown>>;
  /** Celery's settings, for drivers that are not described by their URL. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const samples: Readonly<Record<string, Sample>> = {
  "redis+socket": { url: "redis+socket:///run/redis.sock" },
  rediss: { url: "rediss://localhost?ssl_cert_reqs=required" },
  sentinel: { url: "sentinel://localhost:26379", transportOptions: { master_name: "mymaster" } },
  // Which kind of database it is, the URL has to say.
  db: { url: "db+postgresql://localhost/celery" },
  database: { url: "db+postgresql://localhost/celery" },
  "db+sqlite": { url: "db+sqlite:///results.db" },
  file: { url: "file:///tmp" },
  cassandra: {
    url: "cassandra://",
    settings: { cassandraServers: ["localhost"], cassandraKeyspace: "celery", cassandraTable: "tasks" },
  },
};

export const sampleFor = (scheme: string): Sample =>
  samples[scheme] ?? { url: `${scheme}://localhost${scheme.startsWith("db+") ? "/celery" : ""}` };

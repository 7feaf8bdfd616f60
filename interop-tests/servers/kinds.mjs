import { ensureCassandra } from "./cassandra/jars.mjs";
import { ensureElasticmq } from "./elasticmq/fetch.mjs";

/**
 * Every kind of server that tests need: the variable that names one which is there already, the program that runs it
 * here, and Debian's packages with that program. Plain JavaScript, so that `npm test` can install what is missing.
 * A kind without `program` is fetched by its own file (`prepare`): a Python package, Maven artefacts.
 */
export const serverKinds = {
  redis: {
    name: "Redis",
    variable: "REDIS_URL",
    programs: ["redis-server", "valkey-server"],
    packages: ["redis-server"],
  },
  sentinel: {
    name: "Redis Sentinel",
    variable: "SENTINEL_URL",
    programs: ["redis-server", "valkey-server"],
    packages: ["redis-server"],
  },
  rabbitmq: {
    name: "RabbitMQ",
    variable: "RABBITMQ_URL",
    programs: ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"],
    packages: ["rabbitmq-server"],
  },
  zookeeper: {
    name: "ZooKeeper",
    variable: "ZOOKEEPER_URL",
    programs: ["/usr/share/zookeeper/bin/zkServer.sh"],
    packages: ["zookeeper"],
  },
  sqs: {
    name: "SQS (ElasticMQ)",
    variable: "SQS_URL",
    programs: ["mvn"],
    packages: ["maven"],
    prepare: (log) => ensureElasticmq(log),
  },
  cassandra: {
    name: "Cassandra",
    variable: "CASSANDRA_URL",
    programs: ["mvn"],
    packages: ["maven", "default-jre-headless"],
    prepare: (log) => ensureCassandra(log),
  },
  postgresql: {
    name: "PostgreSQL",
    variable: "POSTGRESQL_URL",
    programs: ["/usr/lib/postgresql/*/bin/postgres", "postgres"],
    packages: ["postgresql"],
  },
  mariadb: {
    name: "MariaDB",
    variable: "MARIADB_URL",
    programs: ["mariadbd"],
    packages: ["mariadb-server"],
  },
};

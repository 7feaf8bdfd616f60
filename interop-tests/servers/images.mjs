/** The images that tests run in: official names, whether a registry gave them or scripts/containers built them. */
export const images = {
  redis: "redis:7",
  rabbitmq: "rabbitmq:3",
  postgresql: "postgres:15",
  mariadb: "mariadb:10.11",
  zookeeper: "zookeeper:3.8",
  python: "python:3.11-slim",
};

/** The Python worker, built from python-fixtures/Dockerfile on top of `images.python`. */
export const workerImage = (version) => `celeriac-python-worker:${version}`;

/** Every container that tests start carries this label; its value is the run, so that one run can be cleaned up. */
export const runLabel = "celeriac.run";

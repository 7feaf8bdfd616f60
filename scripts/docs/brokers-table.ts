import { codes, linkToSection, packages, yes } from "./cells.js";
import { brokerDrivers } from "./driver-list.js";
import { table } from "./regions.js";

/** What Celery's own table of brokers says of them; it does not list the others. */
const IN_CELERY: Readonly<Record<string, string>> = {
  amqp: "stable",
  redis: "stable",
  sqs: "stable",
  zookeeper: "experimental",
};

/** Two tables: the choice of a broker, with the columns of Celery's own table first, and what it does with messages. */
export async function brokersTables(page: string, problem: (sentence: string) => void): Promise<string> {
  const drivers = (await brokerDrivers()).map((driver) => ({ ...driver, link: linkToSection(page, driver, problem) }));
  const choice = drivers.map((driver) => {
    const { fanout, topic, redelivery, persistent, delivery } = driver.capabilities;
    return [
      driver.link,
      IN_CELERY[driver.name] ?? "not listed",
      // Events go through a topic exchange, commands and their answers through a fanout.
      yes(fanout && topic),
      yes(fanout),
      redeliveries[String(redelivery)] ?? String(redelivery),
      guarantee(redelivery !== false, persistent),
      delivery === "push" ? "pushed" : "polled",
      codes(driver.schemes),
      packages(driver),
    ];
  });
  const messages = drivers.map((driver) => {
    const { priority, expiration, unroutable, topic, maxBody, delay, ordered } = driver.capabilities;
    return [
      driver.link,
      ordered === false ? "best effort" : "kept",
      priorities[String(priority)] ?? String(priority),
      delay === "quorum-queues" ? "in the broker, with quorum queues; else in the worker" : "in the worker",
      expiration ? "dropped by the broker" : "skipped by the worker",
      unroutable ? "an error" : "lost",
      yes(topic),
      maxBody === undefined ? "–" : `${maxBody.toLocaleString("en-US")} bytes`,
    ];
  });
  return [
    table(
      [
        ...["Broker", "In Celery", "Monitoring", "Remote control", "Late acks: when a worker dies", "Delivery"],
        ...["New messages", "Schemes", "npm install"],
      ],
      choice,
    ),
    table(
      [
        "Broker",
        "Order",
        "Priorities",
        "Countdown, ETA",
        "Expired tasks",
        "No queue bound",
        "Topic exchanges",
        "Largest body",
      ],
      messages,
    ),
  ].join("\n\n");
}

const redeliveries: Readonly<Record<string, string>> = {
  immediate: "its messages come again at once",
  "visibility-timeout": "its messages come again after the visibility timeout",
  false: "its messages are lost",
};

const priorities: Readonly<Record<string, string>> = {
  "highest-first": "9 first",
  "lowest-first": "0 first",
  false: "no",
};

const guarantee = (redelivered: boolean, persistent: boolean): string =>
  redelivered && persistent ? "at least once" : persistent ? "at most once" : "within one process";

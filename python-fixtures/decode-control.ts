import { controlRequest, decodeControlReply, decodeControlRequest, matchesNode } from "../src/protocol/control.js";
import { decodeEvents, encodeEvent, eventRoutingKey } from "../src/protocol/event.js";
import { dumps } from "../src/protocol/json.js";
import { controlQueue, replyQueue } from "../src/protocol/mailbox.js";
import { matchTopic, topicPattern } from "../src/protocol/queue.js";
import { acceptedTypes, decodeContent } from "../src/protocol/serializers/registry.js";
import type { Report } from "./checks.js";
import { type Entry } from "./fixture-files.js";
import { canonical } from "./neutral.js";
import { keep, carriers, plain } from "./decode-carriers.js";

interface Expected {
  readonly headers: unknown;
  readonly content: unknown;
}

export function event(report: Report, entry: Entry): void {
  const { message, routingKey } = carriers(report, entry);
  const { content } = entry["expected"] as Expected;
  const events = decodeEvents(message, acceptedTypes(["json"]));
  const relaxed = { plainFloats: true };
  const blind = entry.name === "blind";
  const expected = [canonical(content, relaxed)].flat();
  if (!blind) report.equal(entry, "events", () => events.map(plain), expected);
  const type = events[0]?.type as string;
  if (!Array.isArray(content)) report.equal(entry, "routing key", () => eventRoutingKey(type), routingKey);
  report.equal(
    entry,
    "written here",
    () => encodeEvent(Array.isArray(content) ? events : (events[0] as never)).headers,
    message.headers,
  );
}

export function request(report: Report, entry: Entry): void {
  const { message } = carriers(report, entry);
  const { content } = entry["expected"] as { content: Record<string, unknown> };
  const read = decodeControlRequest(message, acceptedTypes(["json"]));
  report.equal(entry, "clock", () => read.clock, 8);
  const ours = {
    method: read.method,
    arguments: plain(read.arguments),
    destination: read.destination,
    pattern: read.pattern,
    matcher: read.matcher,
  };
  const relaxed = canonical(content, { plainFloats: true }) as Record<string, unknown>;
  const { method, arguments: given, destination, pattern, matcher } = relaxed;
  report.equal(entry, "request", () => ours, { method, arguments: given, destination, pattern, matcher });
  report.equal(entry, "ticket", () => read.ticket, content["ticket"] ?? null);
  const kept = decodeContent(message, acceptedTypes(["json"]), keep) as Record<string, unknown>;
  report.equal(
    entry,
    "same text",
    () => dumps(controlRequest({ ...read, arguments: kept["arguments"] as Record<string, unknown> })),
    Buffer.from(message.body).toString(),
  );
}

export function reply(report: Report, entry: Entry): void {
  const { message } = carriers(report, entry);
  const { content } = entry["expected"] as Expected;
  const read = decodeControlReply(message, acceptedTypes(["json"]));
  report.equal(entry, "ticket", () => read.ticket, "df805d3f-0000-4000-8000-000000000009");
  report.equal(entry, "replies", () => plain(read.replies), canonical(content, { plainFloats: true }));
}

export function matching(report: Report, entry: Entry): void {
  const { matcher, pattern, expected } = entry as unknown as { matcher: string; pattern: string; expected: object };
  for (const [node, matches] of Object.entries(expected))
    report.equal(
      entry,
      `node ${JSON.stringify(node)}`,
      () => matchesNode({ destination: null, pattern, matcher }, node),
      matches,
    );
}

export function topic(report: Report, entry: Entry): void {
  const { pattern, expected } = entry as unknown as { pattern: string; expected: object };
  const kombu = report.version.startsWith("5.7.") ? "5.7" : "5.6";
  report.equal(entry, "pattern", () => topicPattern(entry.name, { kombu }), pattern);
  for (const [key, matches] of Object.entries(expected))
    report.equal(entry, `key ${JSON.stringify(key)}`, () => matchTopic(pattern, key), matches);
}

export function mailbox(report: Report, entry: Entry): void {
  const expected = entry as unknown as Record<string, unknown>;
  const nodename = String(expected["queue"]).replace(/\.celery\.pidbox$/, "");
  const oid = String(expected["routingKey"]);
  const ours = entry.name === "control queue" ? controlQueue(nodename) : replyQueue(oid);
  report.equal(entry, "names", () => [ours.name, ours.exchange.name, ours.routingKey], [
    expected["queue"],
    expected["exchange"],
    expected["routingKey"],
  ]);
  report.equal(entry, "exchange", () => [ours.exchange.type, ours.exchange.durable], [
    expected["type"],
    expected["exchangeDurable"],
  ]);
  report.equal(entry, "queue", () => [ours.durable, ours.autoDelete], [expected["durable"], expected["autoDelete"]]);
}

import { hostname } from "node:os";

/**
 * The name of a node (celery/utils/nodenames.py): `name@host`, made of what was given. A plain text is the host, as in
 * Celery: `w1` is `celery@w1`. `%h` is the machine with its domain, `%n` the name without it, `%d` the domain, `%%` a
 * percent sign.
 */
export function nodeName(given: string | null, machine: string = hostname()): string {
  const text = given ?? "";
  const at = text.indexOf("@");
  const name = text.slice(0, Math.max(at, 0)) || "celery";
  const host = text.slice(at + 1) || machine;
  const [short = machine, ...domain] = machine.split(".");
  const parts: Readonly<Record<string, string>> = { h: machine, n: short, d: domain.join("."), "%": "%" };
  return `${name}@${host}`.replaceAll(/%([hnd%])/g, (_, key: string) => parts[key] ?? "");
}

/**
 * `%h`, `%n`, `%d` and `%p` (all of it) of a node's name in the name of a file (celery/utils/nodenames.py). `%i` and `%I`,
 * which tell Celery's child processes apart, are those of its main process: `0`, and nothing.
 */
export function formatForNode(text: string, node: string): string {
  const at = node.indexOf("@");
  const host = node.slice(at + 1);
  const parts: Readonly<Record<string, string>> = {
    h: host,
    n: node.slice(0, Math.max(0, at)) || "celery",
    d: host.split(".").slice(1).join("."),
    p: node,
    i: "0",
    I: "",
    "%": "%",
  };
  return text.replaceAll(/%([hndpiI%])/g, (_, key: string) => parts[key] ?? "");
}

import { hostname } from "node:os";

/**
 * The name of a node (celery/utils/nodenames.py): `name@host`, made of what was given. `%h` is the machine with its domain,
 * `%n` the part before the @ or before the domain, `%d` the domain, `%%` a percent sign.
 */
export function nodeName(given: string | null, machine: string = hostname()): string {
  const text = given ?? "celery@%h";
  const [host = machine, ...rest] = machine.split(".");
  const named = text.includes("@") ? text : `${text}@%h`;
  const plain = named.slice(0, named.indexOf("@"));
  const parts: Readonly<Record<string, string>> = {
    h: machine,
    n: plain.includes("%") || plain === "" ? host : plain,
    d: rest.join("."),
    "%": "%",
  };
  const name = named.replaceAll(/%([hnd%])/g, (_, key: string) => parts[key] ?? "");
  return name.startsWith("@") ? `celery${name}` : name;
}

/** `%h`, `%n`, `%d` and `%p` (all of it) of a node's name in the name of a file (celery/utils/nodenames.py). */
export function formatForNode(text: string, node: string): string {
  const at = node.indexOf("@");
  const host = node.slice(at + 1);
  const parts: Readonly<Record<string, string>> = {
    h: host,
    n: node.slice(0, Math.max(0, at)) || "celery",
    d: host.split(".").slice(1).join("."),
    p: node,
    "%": "%",
  };
  return text.replaceAll(/%([hndp%])/g, (_, key: string) => parts[key] ?? "");
}

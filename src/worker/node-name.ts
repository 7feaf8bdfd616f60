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

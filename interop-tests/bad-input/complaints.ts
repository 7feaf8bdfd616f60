import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { BadInput } from "../drivers/driver.js";
import type { Logger } from "../../src/index.js";

/** A password that would be seen anywhere: no part of it is a word. */
export const SECRET = "Zq7xVw9Kj2";

/** Nobody's option. */
export const UNKNOWN = "no_such_option";

type Change<K extends keyof BadInput> = NonNullable<BadInput[K]>;

const changes: { readonly [K in keyof BadInput]-?: Change<K> } = {
  password: (place, password) => ({
    ...place,
    url: place.url.replaceAll(/(?<=^|;)([\w+.-]+:\/\/)(?:[^@/?]*@)?/g, `$1celeriac:${password}@`),
  }),
  port: (place, port) => ({ ...place, url: place.url.replaceAll(/:\d+(?=[/?;]|$)/g, `:${port}`) }),
  option: (place, name, value) => ({
    ...place,
    url: `${place.url}${place.url.includes("?") ? "&" : "?"}${name}=${value}`,
  }),
};

/** The driver's own way to be asked wrongly, or the usual one; null when it cannot be. */
export const wrongly = <K extends keyof BadInput>(bad: BadInput | undefined, what: K): Change<K> | null => {
  const own = bad?.[what];
  return own === undefined ? changes[what] : own;
};

/** A logger that remembers everything, as it would be printed. */
export function listening(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields?: unknown): void => {
    lines.push(`${message} ${inspect(fields, { depth: Infinity })}`);
  };
  return { logger: { debug: write, info: write, warn: write, error: write }, lines };
}

/** The error of a call that has to fail, in time. */
export async function failure(call: () => Promise<unknown>): Promise<Error> {
  const error = await call().then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error;
}

/** Nothing that is printed of an error, with all its causes, has a secret in it: as it was typed, decoded, or encoded. */
export function assertSilent(secret: string, ...said: readonly unknown[]): void {
  const text = said.map((one) => (typeof one === "string" ? one : inspect(one, { depth: Infinity }))).join("\n");
  for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64").replace(/=+$/, "")]) {
    const at = text.indexOf(form);
    assert.ok(at < 0, `the secret is seen: …${text.slice(Math.max(0, at - 300), at + form.length + 100)}…`);
  }
}

import { readFile } from "node:fs/promises";
import { ImproperlyConfigured } from "../../errors.js";
import { unknownName } from "../unknown-name.js";
import type { TlsSettings } from "./session.js";

/** How TLS is asked for; brokers and result backends differ in the details, as kombu and Celery do. */
export interface TlsRules {
  /** `broker_use_ssl`, `redis_backend_use_ssl`: true, Python's `ssl_*` names, or Node's TLS options. */
  readonly useSsl: boolean | Readonly<Record<string, unknown>>;
  /** Whether `ssl_*` in a URL that is not `rediss://` means TLS (kombu), or is refused (Celery's result backend). */
  readonly queryMeansTls: boolean;
  /** Whether `rediss://` has to say by `ssl_cert_reqs` if the server is verified (Celery's result backend). */
  readonly verifyMustBeSaid: boolean;
}

const FILES: Readonly<Record<string, "ca" | "cert" | "key">> = {
  ssl_ca_certs: "ca",
  ssl_certfile: "cert",
  ssl_keyfile: "key",
};
/** Names of redis-py that Node has under another name. */
const VALUES: Readonly<Record<string, string>> = {
  ssl_ca_data: "ca",
  ssl_password: "passphrase",
  ssl_ciphers: "ciphers",
};
const KNOWN = [
  ...["ssl_cert_reqs", "ssl_check_hostname", "ssl_min_version"],
  ...Object.keys(FILES),
  ...Object.keys(VALUES),
];
/** What py-amqp calls them; redis-py does not know these names, and Node would ignore them. */
const WITHOUT_PREFIX: ReadonlySet<string> = new Set(["ca_certs", "certfile", "keyfile", "cert_reqs"]);

/**
 * TLS as configured, or undefined for none. Servers are verified unless `ssl_cert_reqs=none` says otherwise.
 *
 * @throws ImproperlyConfigured for unknown or unreadable settings
 */
export function tlsSettings(
  scheme: string,
  query: Readonly<Record<string, string>>,
  rules: TlsRules,
  displayUrl: string,
): TlsSettings | undefined {
  const { useSsl } = rules;
  const inQuery = Object.entries(query).filter(([name]) => name.startsWith("ssl_"));
  if (scheme === "redis" && inQuery.length > 0 && !rules.queryMeansTls)
    throw new ImproperlyConfigured(`${displayUrl} has ssl_* parameters but is not rediss://; use rediss:// for TLS`);
  const given = { ...(typeof useSsl === "object" ? useSsl : {}), ...Object.fromEntries(inQuery) };
  if (scheme !== "rediss" && useSsl === false && inQuery.length === 0 && !isYes(query["ssl"])) return undefined;
  const options: Record<string, unknown> = {};
  const files: Partial<Record<"ca" | "cert" | "key", string>> = {};
  for (const [name, value] of Object.entries(given)) {
    const file = FILES[name];
    const renamed = VALUES[name];
    if (value === undefined || value === null) continue;
    if (file) files[file] = `${value as string}`;
    else if (renamed) options[renamed] = value;
    else if (name === "ssl_cert_reqs") options["rejectUnauthorized"] = isVerified(value, displayUrl);
    else if (name === "ssl_check_hostname") {
      if (!isYes(value)) options["checkServerIdentity"] = () => undefined;
    } else if (name === "ssl_min_version") options["minVersion"] = tlsVersion(value, displayUrl);
    else if (WITHOUT_PREFIX.has(name))
      throw new ImproperlyConfigured(`the TLS setting "${name}" of ${displayUrl} is called ssl_${name} for Redis`);
    else if (name.startsWith("ssl_")) throw unknownName(`TLS setting of ${displayUrl}`, name, KNOWN);
    else options[name] = value;
  }
  if (rules.verifyMustBeSaid && scheme === "rediss" && useSsl === false && !("rejectUnauthorized" in options))
    throw new ImproperlyConfigured(
      `${displayUrl} does not say whether to verify the server: add ?ssl_cert_reqs=required (or optional, none), as Celery demands`,
    );
  return { files, options };
}

/** Node's TLS options with the files read. */
export async function readTls({ options, files }: TlsSettings, displayUrl: string): Promise<Record<string, unknown>> {
  const tls: Record<string, unknown> = { ...options };
  for (const [name, path] of Object.entries(files))
    try {
      tls[name] = await readFile(path);
    } catch (cause) {
      throw new ImproperlyConfigured(`the TLS ${name} file ${path} of ${displayUrl} cannot be read`, { cause });
    }
  return tls;
}

export const isYes = (value: unknown): boolean =>
  value !== undefined && value !== null && !["false", "0", "no", ""].includes(`${value as string}`.toLowerCase());

/** Python's names and numbers of `ssl.VerifyMode`; there is no server that is verified optionally. */
function isVerified(value: unknown, displayUrl: string): boolean {
  const text = String(value)
    .toLowerCase()
    .replace(/^cert_/, "");
  if (text === "required" || text === "optional" || value === 1 || value === 2) return true;
  if (text === "none" || text === "0") return false;
  throw new ImproperlyConfigured(
    `ssl_cert_reqs of ${displayUrl} is ${JSON.stringify(value)}: expected required, optional or none`,
  );
}

/** `TLSv1.2` or `TLSv1.3`, or the numbers of Python's `ssl.TLSVersion`. */
function tlsVersion(value: unknown, displayUrl: string): string {
  const text = String(value);
  const found = { "771": "TLSv1.2", "772": "TLSv1.3", TLSv1_2: "TLSv1.2", TLSv1_3: "TLSv1.3" }[text] ?? text;
  if (found === "TLSv1.2" || found === "TLSv1.3") return found;
  throw new ImproperlyConfigured(
    `ssl_min_version of ${displayUrl} is ${JSON.stringify(value)}: expected TLSv1.2 or TLSv1.3`,
  );
}

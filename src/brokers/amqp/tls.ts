import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import { ImproperlyConfigured } from "../../errors.js";

/** Node's TLS options, and the files that are read into them at every connection (so that renewed ones are seen). */
export interface TlsSettings {
  readonly options: ConnectionOptions;
  readonly files: Readonly<Partial<Record<"ca" | "cert" | "key", string>>>;
}

const FILES = { ca_certs: "ca", certfile: "cert", keyfile: "key" } as const;
/** Of Node's tls.connect and tls.createSecureContext. */
const NODE_OPTIONS = new Set([
  ...["ca", "cert", "key", "passphrase", "pfx", "crl", "secureContext", "servername", "rejectUnauthorized"],
  ...["checkServerIdentity", "minVersion", "maxVersion", "secureProtocol", "secureOptions", "sigalgs", "ecdhCurve"],
  ...["ALPNProtocols", "session", "pskCallback", "minDHSize", "enableTrace", "honorCipherOrder", "dhparam"],
  ...["requestOCSP", "highWaterMark", "allowPartialTrustChain"],
]);
const UNVERIFIED = new Set(["none", "cert_none", "0", "false"]);
const VERIFIED = new Set(["required", "cert_required", "2", "optional", "cert_optional", "1", "true"]);

/**
 * TLS as three places ask for it: the scheme `amqps`, `ssl_*` parameters of the URL, and `broker_use_ssl`. Names are
 * Python's, with or without the prefix `ssl_` (ca_certs, certfile, keyfile, cert_reqs, check_hostname, server_hostname,
 * ciphers), or Node's own. Certificate and host name are verified unless the options say otherwise.
 *
 * @returns undefined for plain TCP
 * @throws ImproperlyConfigured for a value that means nothing
 */
export function tlsFromUrl(
  secure: boolean,
  query: Readonly<Record<string, string>>,
  useSsl: boolean | Readonly<Record<string, unknown>>,
  display: string,
): TlsSettings | undefined {
  const given: Record<string, unknown> = { ...(typeof useSsl === "object" ? useSsl : {}) };
  for (const [key, value] of Object.entries(query)) if (key.startsWith("ssl_")) given[key] = value;
  const asked = secure || useSsl !== false || (query.ssl !== undefined && !/^(false|0|no|off|)$/i.test(query.ssl));
  if (!asked && Object.keys(given).length === 0) return undefined;
  const options: ConnectionOptions = {};
  const files: Partial<Record<"ca" | "cert" | "key", string>> = {};
  for (const [name, value] of Object.entries(given)) {
    const key = name.replace(/^ssl_/, "");
    if (value === undefined || value === null) continue;
    if (key === "ca_certs" || key === "certfile" || key === "keyfile") files[FILES[key]] = text(name, value, display);
    else if (key === "cert_reqs") options.rejectUnauthorized = verification(name, value, display);
    else if (key === "check_hostname") {
      if (value === false || (typeof value === "string" && /^(false|0|no|off)$/i.test(value)))
        options.checkServerIdentity = (): undefined => undefined;
    } else if (key === "server_hostname") options.servername = text(name, value, display);
    else if (key === "ciphers") options.ciphers = text(name, value, display);
    else if (key === "version" || key === "context")
      throw new ImproperlyConfigured(
        `the TLS option "${name}" of ${display} exists in Python only; use Node's minVersion, maxVersion, secureContext`,
      );
    else if (NODE_OPTIONS.has(name)) Object.assign(options, { [name]: value });
    else
      throw new ImproperlyConfigured(
        `the TLS option "${name}" of ${display} is unknown; known are ca_certs, certfile, keyfile, cert_reqs, ` +
          "check_hostname, server_hostname, ciphers, and those of Node's tls.connect",
      );
  }
  return { options, files };
}

/** The options with their files read. */
export async function loadTls(settings: TlsSettings): Promise<ConnectionOptions> {
  const options: ConnectionOptions = { ...settings.options };
  for (const [key, path] of Object.entries(settings.files))
    try {
      Object.assign(options, { [key]: await readFile(path) });
    } catch (cause) {
      throw new ImproperlyConfigured(`the TLS file ${path} (${key}) cannot be read`, { cause });
    }
  return options;
}

function text(name: string, value: unknown, display: string): string {
  if (typeof value === "string") return value;
  throw new ImproperlyConfigured(`the TLS option "${name}" of ${display} must be a string`);
}

/** Python's `ssl.CERT_*`, by name or number: with "optional" a client verifies just as with "required". */
function verification(name: string, value: unknown, display: string): boolean {
  const word = (typeof value === "number" || typeof value === "string" ? String(value) : "").toLowerCase();
  if (UNVERIFIED.has(word)) return false;
  if (VERIFIED.has(word)) return true;
  throw new ImproperlyConfigured(`the TLS option "${name}" of ${display} must be required, optional or none`);
}

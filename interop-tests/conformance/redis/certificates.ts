import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ServerMissing } from "../../servers/server.js";

/** Files of one certificate. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const openssl = async (...args: readonly string[]): Promise<void> => {
  await promisify(execFile)("openssl", [...args]).catch((cause: unknown) => {
    throw new ServerMissing("the openssl command is needed to make certificates (apt install openssl)", { cause });
  });
};

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/** An authority of its own, with what it vouches for. */
export async function makeAuthority(folder: string): Promise<Certificate> {
  const [cert, key] = [join(folder, "ca.pem"), join(folder, "ca.key")];
  const subject = ["-subj", "/CN=celeriac test authority"];
  await openssl("req", "-x509", ...KEY, "-nodes", "-days", "2", ...subject, "-keyout", key, "-out", cert);
  return { cert, key };
}

/** `names`: subjectAltName, such as `IP:127.0.0.1`; `password` locks the key. */
export async function makeCertificate(
  folder: string,
  ca: Certificate,
  name: string,
  { names = "DNS:client", password }: { readonly names?: string; readonly password?: string } = {},
): Promise<Certificate> {
  const file = (ending: string): string => join(folder, `${name}.${ending}`);
  const lock = password === undefined ? ["-nodes"] : ["-passout", `pass:${password}`];
  await openssl("req", ...KEY, ...lock, "-subj", `/CN=${name}`, "-keyout", file("key"), "-out", file("csr"));
  writeFileSync(file("ext"), `subjectAltName=${names}\n`);
  const signed = ["-CA", ca.cert, "-CAkey", ca.key, "-CAcreateserial", "-days", "2", "-extfile", file("ext")];
  await openssl("x509", "-req", "-in", file("csr"), ...signed, "-out", file("pem"));
  return { cert: file("pem"), key: file("key") };
}

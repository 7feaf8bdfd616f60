import { chownSync, readFileSync } from "node:fs";

/** Whom a server program is to run as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Some servers refuse to run as root. When we are root, the account of the server's own package is used; else ours
 * will do, and there is nothing to say.
 */
export function serverAccount(name: string): Account | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${name}:`));
  if (!line) throw new Error(`there is no account ${name}, as which the server is to run; its package makes one`);
  const [, , uid, gid] = line.split(":").map(Number);
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

/** Makes a folder the account's own. */
export function give(folder: string, { uid, gid }: Partial<Account>): void {
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
}

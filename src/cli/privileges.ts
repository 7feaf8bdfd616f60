import { execFileSync } from "node:child_process";
import { CliError } from "./exit-codes.js";

/**
 * Goes on as another user and group, by name or number; without a group, that of the user
 * (celery/platforms.py `maybe_drop_privileges`).
 */
export function dropPrivileges({ uid, gid }: { readonly uid?: string; readonly gid?: string }): void {
  if (uid === undefined && gid === undefined) return;
  const { setuid, setgid } = process;
  // Node's types do not know it.
  const { initgroups } = process as { initgroups?: (user: string | number, group: string | number) => void };
  if (!setuid || !setgid || !initgroups) throw new CliError("--uid and --gid need a system with users, such as Linux");
  try {
    const group = gid === undefined ? groupOf(uid!) : numberOr(gid);
    // Groups first: the new user may not change them any more, and must not keep those of root.
    setgid(group);
    if (uid === undefined) return;
    initgroups(numberOr(uid), group);
    setuid(numberOr(uid));
  } catch (error) {
    const who = [uid !== undefined && `--uid ${uid}`, gid !== undefined && `--gid ${gid}`].filter(Boolean).join(" ");
    throw new CliError(`cannot go on as ${who}: ${(error as Error).message}`, { cause: error });
  }
}

/** Node cannot look it up. */
function groupOf(user: string): number {
  try {
    const text = execFileSync("id", ["-g", "--", user], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return Number(text);
  } catch (error) {
    throw new Error("the group of this user was not found; name one with --gid", { cause: error });
  }
}

const numberOr = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

import { CliError } from "./exit-codes.js";

/** Goes on as another user and group, by name or number (celery/platforms.py `maybe_drop_privileges`). */
export function dropPrivileges({ uid, gid }: { readonly uid?: string; readonly gid?: string }): void {
  if (uid === undefined && gid === undefined) return;
  const { setuid, setgid } = process;
  // Node's types do not know it.
  const { initgroups } = process as { initgroups?: (user: string | number, group: string | number) => void };
  if (!setuid || !setgid || !initgroups) throw new CliError("--uid and --gid need a system with users, such as Linux");
  try {
    const group = gid === undefined ? undefined : numberOr(gid);
    if (uid !== undefined && group !== undefined) initgroups(numberOr(uid), group);
    if (group !== undefined) setgid(group);
    if (uid !== undefined) setuid(numberOr(uid));
  } catch (error) {
    const who = [uid !== undefined && `--uid ${uid}`, gid !== undefined && `--gid ${gid}`].filter(Boolean).join(" ");
    throw new CliError(`cannot go on as ${who}: ${(error as Error).message}`, { cause: error });
  }
}

const numberOr = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

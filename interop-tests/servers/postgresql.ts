import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { serverKinds } from "./kinds.mjs";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server } from "./server.js";
import { give, serverAccount } from "./users.js";

/** A private PostgreSQL on a free port, with the superuser `celeriac` and his password, in UTF-8. */
export async function startLocalPostgresql(): Promise<Server> {
  const program = await findProgram(...(serverKinds.postgresql?.programs ?? []));
  if (!program) throw new ServerMissing("postgres is not installed (Debian, Ubuntu: apt install postgresql)");
  const account = serverAccount("postgres");
  const folder = temporaryFolder("postgresql");
  give(folder, account);
  const password = join(folder, "password");
  writeFileSync(password, "kept-secret");
  const port = await freePort();
  const data = join(folder, "data");
  const options = { ...account, cwd: folder, env: { ...process.env, LC_ALL: "C", TZ: "UTC" } };
  const initdb = startChild(
    join(dirname(program), "initdb"),
    ["-D", data, "-U", "celeriac", "--auth=scram-sha-256", `--pwfile=${password}`, "-E", "UTF8", "--no-sync"],
    options,
  );
  const { code } = await initdb.ended;
  if (code !== 0) throw new Error(`initdb failed:\n${initdb.output}`);
  // No data is worth a wait for the disk here: a killed server loses nothing, only a killed machine would.
  const settings = ["fsync=off", "max_connections=200", "timezone=UTC", `unix_socket_directories=${folder}`];
  const args = ["-D", data, "-p", String(port), "-h", "127.0.0.1", ...settings.flatMap((one) => ["-c", one])];
  let child: Child;
  const start = async (): Promise<void> => {
    child = startChild(program, args, options);
    await child.until(/ready to accept connections/, 30);
  };
  // The fast shutdown: clients are disconnected.
  const end = (): Promise<boolean> => child.end("SIGINT", 10);
  await start();
  return {
    kind: "postgresql",
    provider: "local",
    owned: true,
    url: `postgresql://celeriac:kept-secret@127.0.0.1:${port}/postgres`,
    kill: () => child.kill(),
    restart: async () => {
      await end();
      await start();
    },
    stop: async () => {
      await end();
      removeFolder(folder);
    },
  };
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, startChild, temporaryFolder } from "./children.js";
import type { Child } from "./children.js";
import { serverKinds } from "./kinds.mjs";
import { findProgram, freePort } from "./local.js";
import { ServerMissing } from "./server.js";
import type { Server } from "./server.js";
import { give, serverAccount } from "./users.js";

/** A private MariaDB on a free port, with the user `celeriac`, who may do everything, and his password. */
export async function startLocalMariadb(): Promise<Server> {
  const program = await findProgram(...(serverKinds.mariadb?.programs ?? []));
  const install = await findProgram("mariadb-install-db", "mysql_install_db");
  if (!program || !install)
    throw new ServerMissing("mariadbd is not installed (Debian, Ubuntu: apt install mariadb-server)");
  const account = serverAccount("mysql");
  const folder = temporaryFolder("mariadb");
  give(folder, account);
  const port = await freePort();
  const data = join(folder, "data");
  const options = { ...account, cwd: folder, env: { ...process.env, HOME: folder, TZ: "UTC" } };
  const made = startChild(
    install,
    ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"],
    options,
  );
  const { code } = await made.ended;
  if (code !== 0) throw new Error(`mariadb-install-db failed:\n${made.output}`);
  const accounts = join(folder, "accounts.sql");
  writeFileSync(
    accounts,
    "CREATE USER IF NOT EXISTS celeriac@'127.0.0.1' IDENTIFIED BY 'kept-secret';\n" +
      "GRANT ALL ON *.* TO celeriac@'127.0.0.1' WITH GRANT OPTION;\nCREATE DATABASE IF NOT EXISTS celeriac;\n",
  );
  const args = [
    ...["--no-defaults", `--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1"],
    ...[`--socket=${join(folder, "socket")}`, `--pid-file=${join(folder, "pid")}`, `--init-file=${accounts}`],
    // As Debian configures it, and no waiting for the disk.
    ...["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--skip-name-resolve"],
    ...[
      "--skip-log-bin",
      "--innodb-flush-log-at-trx-commit=2",
      "--innodb-buffer-pool-size=32M",
      "--max-connections=200",
    ],
  ];
  let child: Child;
  const start = async (): Promise<void> => {
    child = startChild(program, args, options);
    await child.until(/ready for connections/, 60);
  };
  await start();
  return {
    kind: "mariadb",
    provider: "local",
    owned: true,
    url: `mysql://celeriac:kept-secret@127.0.0.1:${port}/celeriac`,
    kill: () => child.kill(),
    restart: async () => {
      await child.end("SIGTERM", 20);
      await start();
    },
    stop: async () => {
      await child.end("SIGTERM", 20);
      removeFolder(folder);
    },
  };
}

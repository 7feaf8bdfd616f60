import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

const module = new URL("privileges.ts", import.meta.url).href;

/** Who a process is after it has changed. */
function become(options: object): { uid: number; gid: number; groups: number[] } {
  const code = `
    const { dropPrivileges } = await import(${JSON.stringify(module)});
    dropPrivileges(${JSON.stringify(options)});
    console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), groups: process.getgroups() }));`;
  const args = ["--import", "tsx", "--input-type=module", "-e", code];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", stdio: "pipe" })) as ReturnType<
    typeof become
  >;
}

const id = (...args: string[]): number[] =>
  execFileSync("id", [...args, "nobody"], { encoding: "utf8" })
    .trim()
    .split(" ")
    .map(Number);

describe("--uid and --gid", function () {
  this.timeout(20_000);
  before(function () {
    // Nobody else may change who they are.
    if (process.getuid?.() !== 0) this.skip();
  });

  it("take the groups of the user, and leave none of root's", () => {
    const [uid = -1] = id("-u");
    const [gid = -1] = id("-g");
    const groups = id("-G").toSorted();
    for (const name of ["nobody", String(uid)]) {
      const now = become({ uid: name });
      assert.deepEqual({ ...now, groups: now.groups.toSorted() }, { uid, gid, groups });
    }
    assert.deepEqual(become({ uid: "nobody", gid: "1" }).gid, 1);
    assert.equal(become({ gid: "1" }).uid, 0);
  });

  it("are refused where there is no such user", () => {
    assert.throws(() => become({ uid: "no-such-user" }), /cannot go on as --uid no-such-user: .*--gid/);
  });
});

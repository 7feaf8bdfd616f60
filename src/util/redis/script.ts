import { createHash } from "node:crypto";

/** A Lua script: the server does all of it or nothing, so no crash of ours can fall in between. */
export interface Script {
  readonly name: string;
  readonly text: string;
  readonly digest: string;
}

export function script(name: string, text: string): Script {
  return { name, text, digest: createHash("sha1").update(text).digest("hex") };
}

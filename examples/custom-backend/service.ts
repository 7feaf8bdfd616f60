/** A service that keeps values under keys in its memory, for the test beside it: prints its port when it listens. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const values = new Map<string, { readonly bytes: Buffer; readonly until: number }>();

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname: key, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const body: Buffer[] = [];
  for await (const chunk of request) body.push(chunk as Buffer);
  if (request.headers.authorization !== `Basic ${btoa("celery:secret")}`) response.statusCode = 401;
  else if (request.method === "PUT") {
    const ttl = searchParams.get("ttl");
    values.set(key, { bytes: Buffer.concat(body), until: ttl === null ? Infinity : Date.now() + Number(ttl) * 1000 });
  } else if (request.method === "DELETE") values.delete(key);
  else {
    const found = values.get(key);
    if (found && found.until > Date.now()) response.write(found.bytes);
    else response.statusCode = 404;
  }
  response.end();
}

server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
// Ends with the process that started it.
process.stdin.resume().on("end", () => process.exit());

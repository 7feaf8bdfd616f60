import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Server as TcpServer, Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import type { BrokerOptions } from "../../../src/brokers/broker.js";
import { ImproperlyConfigured, OperationalError } from "../../../src/errors.js";
import { queue, toQueue } from "../../../src/protocol/queue.js";
import { until } from "../../expect.js";
import { removeFolder, temporaryFolder } from "../../servers/children.js";
import { needShared } from "../../servers/shared.js";
import { AmqpStage, message, name, Watched } from "./stage.js";

/** A server on a free port of this machine, with all its sockets ended by `close`. */
class Gate {
  readonly sockets = new Set<Socket>();
  constructor(readonly server: TcpServer) {
    server.on("connection", (socket: Socket) => this.keep(socket));
  }
  keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on("error", () => undefined);
    return socket.on("close", () => this.sockets.delete(socket));
  }
  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return (this.server.address() as AddressInfo).port;
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe("amqp connecting", function () {
  this.timeout(60_000);
  let stage: AmqpStage;
  let port: number;
  const gates: Gate[] = [];

  before(async function () {
    stage = new AmqpStage(await needShared(this, "rabbitmq"));
    port = Number(new URL(stage.server.url.replace(/^amqp/, "http")).port);
  });
  afterEach(async () => {
    await stage?.reset();
    await Promise.all(gates.splice(0).map((gate) => gate.close()));
  });

  const gate = async (server: TcpServer): Promise<{ gate: Gate; port: number }> => {
    const made = new Gate(server);
    gates.push(made);
    return { gate: made, port: await made.open() };
  };
  /** Passes bytes on to the broker, until it is told to hold them. */
  const relay = async (): Promise<{ port: number; hold(): void; cut(): void }> => {
    const made = await gate(
      createServer((socket) => {
        const far = made.gate.keep(connectTcp(port, "127.0.0.1"));
        socket.pipe(far).pipe(socket);
        socket.on("close", () => far.destroy());
      }),
    );
    return {
      port: made.port,
      hold: () => made.gate.sockets.forEach((socket) => socket.unpipe().pause()),
      cut: () => made.gate.sockets.forEach((socket) => socket.destroy()),
    };
  };
  const refuses = async (
    url: string,
    text: RegExp,
    wanted: { retriable: boolean },
    changes: Partial<BrokerOptions> = {},
  ): Promise<void> => {
    const broker = stage.open(changes, url);
    await assert.rejects(broker.connect(), (error: unknown) => {
      assert.ok(error instanceof OperationalError, String(error));
      assert.match(error.message, text);
      assert.doesNotMatch(error.message, /hunter2/);
      assert.equal(error.retriable, wanted.retriable, error.message);
      return true;
    });
    assert.doesNotMatch(broker.displayUrl, /hunter2/);
    await broker.close();
  };

  it("explains a refused login, a missing virtual host, a closed port, and what is no broker", async () => {
    await refuses(`amqp://guest:hunter2@127.0.0.1:${port}//`, /refused the login of user "guest"/, {
      retriable: false,
    });
    await refuses(`amqp://guest:guest@127.0.0.1:${port}/nowhere`, /virtual host "nowhere".*does not exist/, {
      retriable: false,
    });
    await refuses("amqp://u:hunter2@127.0.0.1:1//", /u:\*\*@127.0.0.1:1.*ECONNREFUSED/, { retriable: true });
    const web = await gate(createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    await refuses(`amqp://u:hunter2@127.0.0.1:${web.port}`, /does not speak AMQP/, { retriable: false });
    await refuses(`amqps://u:hunter2@127.0.0.1:${port}`, /does not speak AMQP.*amqps 5671|TLS|socket/i, {
      retriable: false,
    });
  });

  it("waits no longer than the connection timeout for a server that is silent", async () => {
    const silent = await gate(createServer((socket) => socket.resume()));
    await refuses(
      `amqp://127.0.0.1:${silent.port}`,
      /no answer from .* within 0.2 s/,
      { retriable: true },
      {
        connectionTimeout: 0.2,
      },
    );
  });

  it("closes while it is still connecting", async () => {
    const silent = await gate(createServer((socket) => socket.resume()));
    const broker = stage.open({ connectionTimeout: 30 }, `amqp://127.0.0.1:${silent.port}`);
    const reader = new Watched(broker, [queue("x")]);
    const publishing = assert.rejects(broker.publish(message("x"), toQueue("x")), OperationalError);
    await until(() => silent.gate.sockets.size === 2);
    await reader.consumer.close();
    await broker.close();
    await publishing;
    await until(() => silent.gate.sockets.size === 0);
  });

  it("goes to the next address when one does not answer, and says all of it when none does", async () => {
    const dead = "amqp://127.0.0.1:1";
    for (const failoverStrategy of ["round-robin", "shuffle"] as const) {
      const broker = stage.open({ failoverStrategy }, `${dead};${stage.server.url};${dead}`);
      const one = queue(name("one"));
      const reader = await new Watched(broker, [one]).consuming();
      await broker.publish(message("x"), toQueue(one.name));
      await reader.has(1);
      await broker.delete(one);
    }
    await refuses(`${dead};amqp://u:hunter2@127.0.0.1:2`, /127.0.0.1:1: .*127.0.0.1:2: /, { retriable: true });
  });

  it("comes back to another address when its own goes away", async () => {
    const way = await relay();
    const broker = stage.open({}, `amqp://guest:guest@127.0.0.1:${way.port}//;${stage.server.url}`);
    const one = queue(name("one"), { autoDelete: true });
    const reader = await new Watched(broker, [one]).consuming();
    await gates.splice(0)[0]?.close();
    await reader.consuming(2);
    await broker.publish(message("x"), toQueue(one.name), { declare: [one] });
    await reader.has(1);
  });

  it("notices a peer that is gone by its heartbeats", async () => {
    const way = await relay();
    const broker = stage.open({ heartbeat: 1 }, `amqp://guest:guest@127.0.0.1:${way.port}//`);
    const one = queue(name("one"));
    const reader = await new Watched(broker, [one]).consuming();
    await broker.publish(message("fine"), toQueue(one.name));
    way.hold();
    const start = Date.now();
    const hanging = assert.rejects(broker.publish(message("x"), toQueue(one.name)), (error: unknown) => {
      assert.ok(error instanceof OperationalError && error.retriable);
      assert.match(error.message, /Heartbeat.*may have arrived/);
      return true;
    });
    await until(() => reader.lost.length === 1);
    await hanging;
    // Two heartbeats, and what has begun of a third one.
    assert.ok(Date.now() - start < 4500, `noticed after ${Date.now() - start} ms`);
    await reader.consuming(2);
    await broker.delete(one);
  });

  it("closes although the server answers nothing any more", async () => {
    const way = await relay();
    const broker = stage.open({ connectionTimeout: 0.3 }, `amqp://guest:guest@127.0.0.1:${way.port}//`);
    const one = queue(name("one"));
    const reader = await new Watched(broker, [one]).consuming();
    await broker.declare(one);
    way.hold();
    const hanging = assert.rejects(broker.publish(message("x"), toQueue(one.name)), OperationalError);
    await broker.close();
    await Promise.all([hanging, reader.end]);
    assert.equal(reader.error, undefined);
    await stage.open().delete(one);
  });

  it("takes amqplib ready-made, and names what is missing", async () => {
    const amqplib: unknown = await import("amqplib");
    await stage.open({ lib: amqplib }).connect();
    await stage.open({ lib: (amqplib as { default: unknown }).default }).connect();
    await assert.rejects(stage.open({ lib: { connect: 1 } }).connect(), ImproperlyConfigured);
  });

  describe("over TLS", () => {
    let folder: string;
    let url: string;
    before(async function () {
      folder = temporaryFolder("amqps");
      const make = promisify(execFile);
      const subject = ["-subj", "/CN=broker.test", "-addext", "subjectAltName=DNS:broker.test"];
      const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
      try {
        await make("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject, ...files]);
      } catch (error) {
        if (process.env.CI) throw error;
        console.log("      skipped: no openssl program to make a certificate");
        this.skip();
      }
    });
    beforeEach(async () => {
      const keys = { key: readFileSync(join(folder, "key.pem")), cert: readFileSync(join(folder, "cert.pem")) };
      const made = await gate(
        createTlsServer(keys, (socket) => {
          const far = made.gate.keep(connectTcp(port, "127.0.0.1"));
          made.gate.keep(socket);
          socket.pipe(far).pipe(socket);
          socket.on("close", () => far.destroy());
        }),
      );
      url = `amqps://guest:guest@127.0.0.1:${made.port}//`;
    });
    after(() => removeFolder(folder));

    it("verifies certificate and host name", async () => {
      await refuses(url, /self-signed certificate/, { retriable: false });
      await refuses(`${url}?ssl_ca_certs=${folder}/cert.pem`, /127.0.0.1.*altnames|IP/, { retriable: false });
    });

    it("connects with what Celery's options say", async () => {
      const ca_certs = join(folder, "cert.pem");
      await stage.open({}, `${url}?ssl_ca_certs=${ca_certs}&ssl_check_hostname=false`).connect();
      await stage.open({}, `${url}?ssl_cert_reqs=none`).connect();
      await stage
        .open({ useSsl: { ca_certs, server_hostname: "broker.test" } }, url.replace("amqps", "amqp"))
        .connect();
      await stage.open({ useSsl: { ca: readFileSync(ca_certs), servername: "broker.test" } }, url).connect();
      await assert.rejects(
        stage.open({ useSsl: { ca_certs: join(folder, "missing.pem") } }, url).connect(),
        (error: unknown) => error instanceof ImproperlyConfigured && /missing.pem/.test(error.message),
      );
    });
  });
});

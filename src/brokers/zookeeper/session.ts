import { ImproperlyConfigured, OperationalError } from "../../errors.js";
import { onAbort } from "../../util/abort.js";
import { deferred } from "../../util/deferred.js";
import { after, every } from "../../util/time.js";
import type { Timer } from "../../util/time.js";
import { AUTHENTICATION_FAILED, DISCONNECTED, loadZooKeeper } from "./client.js";
import type { Callback, ConnectionManager, Stat, ZooKeeperClient } from "./client.js";
import { answerOf } from "./failure.js";
import type { Endpoint } from "./url.js";

export interface SessionSettings {
  /** Milliseconds for one connection to come about. */
  readonly connectTimeout: number;
  /** Milliseconds of silence after which the server forgets the session. */
  readonly sessionTimeout: number;
  /** The package, handed in. */
  readonly lib: unknown;
}

/** Looks for signs of life within one session timeout; two in a row that find none end the connection. */
const CHECKS = 6;
const NOTHING = Buffer.alloc(0);

/**
 * One connection to one server, and one session that ends with it. The queues need nothing that belongs to a session
 * (no ephemeral nodes; watches are set anew), so an expired session is no more than a lost connection: the next one
 * begins its own. What the client would do by itself (connecting again, trying again) is off: the driver does it in
 * one place, where errors can be told to the caller.
 */
export class Session {
  readonly #client: ZooKeeperClient;
  readonly #manager: ConnectionManager;
  readonly #settings: SessionSettings;
  readonly #connected = deferred<void>();
  readonly #over = deferred<void>();
  readonly #calls = new Set<(reason: Error) => void>();
  #reason: Error | undefined;
  #check: Timer | undefined;
  #answers = 0;
  #silences = 0;
  #ended = false;

  private constructor(endpoint: Endpoint, settings: SessionSettings, ended: (reason: Error) => void) {
    this.#settings = settings;
    this.#client = loadZooKeeper(settings.lib).createClient("server", {
      sessionTimeout: settings.sessionTimeout,
      spinDelay: 0,
      retries: 0,
    });
    this.#manager = innerHalf(this.#client);
    // The client's own reading of addresses knows no IPv6.
    this.#manager.servers = [{ host: endpoint.host, port: endpoint.port }];
    this.#manager.on("state", (state) => {
      if (state === AUTHENTICATION_FAILED) this.destroy(refusedLogin(endpoint));
      if (state === DISCONNECTED) this.#end(ended);
    });
    this.#client.on("connected", () => this.#connected.resolve());
    this.#readSafely();
    if (endpoint.login !== undefined) this.#client.addAuthInfo("digest", Buffer.from(endpoint.login));
  }

  /** Connects; `ended` is called once, also when it did not come to that. The signal gives up a half-made connection. */
  static async open(
    endpoint: Endpoint,
    settings: SessionSettings,
    ended: (reason: Error) => void,
    signal: AbortSignal,
  ): Promise<Session> {
    signal.throwIfAborted();
    const session = new Session(endpoint, settings, ended);
    const { connectTimeout } = settings;
    const timer = after(connectTimeout, () => session.destroy(new Error(`no answer for ${connectTimeout / 1000} s`)));
    const off = onAbort(signal, () => session.destroy(new Error("the attempt was given up")));
    try {
      await session.#connect();
    } catch (error) {
      session.destroy(error as Error);
      throw error;
    } finally {
      timer.cancel();
      off();
    }
    return session;
  }

  /** Resolves to the name, with the sequence in it that the server gave. */
  create(path: string, data: Buffer, mode: number): Promise<string> {
    return this.#call((done) => this.#client.create(path, data, mode, done));
  }

  remove(path: string): Promise<void> {
    return this.#call((done) => this.#client.remove(path, -1, done));
  }

  /** Null when there is no such node. */
  exists(path: string): Promise<Stat | null> {
    return this.#call((done) => this.#client.exists(path, done));
  }

  async text(path: string): Promise<string> {
    return (await this.#call<Buffer | undefined>((done) => this.#client.getData(path, done)))?.toString("utf8") ?? "";
  }

  /** The names of a node's children, in no order. The watcher is called once, when one comes or goes after that. */
  children(path: string, watcher?: () => void): Promise<{ readonly names: string[]; readonly stat: Stat }> {
    return this.#call((done) => {
      const answer = (error: unknown, names: string[] | undefined, stat: Stat): void =>
        done(error, { names: names ?? [], stat });
      if (watcher) this.#client.getChildren(path, watcher, answer);
      else this.#client.getChildren(path, answer);
    });
  }

  /** Ends the session once what was sent is answered. */
  async quit(): Promise<void> {
    if (this.#ended) return;
    const timer = after(this.#settings.connectTimeout, () => this.destroy(new Error("no answer to the goodbye")));
    this.#check?.cancel();
    this.#client.close();
    await this.#over.promise;
    timer.cancel();
  }

  /** Ends the connection now; whatever waits for an answer rejects with the reason. */
  destroy(reason: Error): void {
    this.#reason ??= reason;
    const hangUp = (): void => void this.#manager.socket?.destroy(reason);
    // The socket is made a moment after connecting has begun.
    if (this.#manager.socket) hangUp();
    else process.nextTick(hangUp);
  }

  async #connect(): Promise<void> {
    this.#client.connect();
    this.#manager.connect = () => undefined;
    await this.#connected.promise;
    // The first answer: to this, and before it to the login.
    await this.exists("/");
    this.#check = every(this.#client.getSessionTimeout() / CHECKS, () => this.#askForLife());
  }

  #call<T>(start: (done: Callback<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended) return reject(this.#why());
      this.#calls.add(reject);
      const done: Callback<T> = (error, value) => {
        this.#calls.delete(reject);
        const answer = answerOf(error);
        if (!error || answer !== undefined) this.#answers++;
        if (!error) resolve(value);
        else reject(answer === undefined ? this.#why() : (error as Error));
      };
      try {
        start(done);
      } catch (error) {
        this.#calls.delete(reject);
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #why(): Error {
    return (this.#reason ??= this.#manager.socket?.errored ?? new Error("the server closed the connection"));
  }

  #end(ended: (reason: Error) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#check?.cancel();
    const reason = this.#why();
    // The client tells those whose request it had sent; the others are ours.
    for (const reject of this.#calls) reject(reason);
    this.#calls.clear();
    this.#connected.reject(reason);
    this.#over.resolve();
    ended(reason);
  }

  /**
   * The client throws out of its socket's listener when it meets an error code that it does not know, which would end
   * the process: it ends the connection here. And it calls itself for each further packet of a chunk, as deep as there
   * are packets: here one after the other.
   */
  #readSafely(): void {
    const read = this.#manager.onSocketData.bind(this.#manager);
    let reading = false;
    let more = false;
    this.#manager.onSocketData = (chunk) => {
      more = reading;
      if (reading) return;
      reading = true;
      try {
        read(chunk);
        // Set by the call that the one before has made of this very function.
        while (more) {
          more = false;
          read(NOTHING);
        }
      } catch (error) {
        this.destroy(error as Error);
      } finally {
        reading = false;
      }
    };
  }

  /**
   * A half-open connection gives no error, and the client's own pings ask for no answer. Two silences in a row, since
   * after a long computation of this process the answer may still lie unread.
   */
  #askForLife(): void {
    this.#silences = this.#calls.size > 0 && this.#answers === 0 ? this.#silences + 1 : 0;
    this.#answers = 0;
    if (this.#silences >= 2) {
      const seconds = (this.#client.getSessionTimeout() * 2) / CHECKS / 1000;
      return this.destroy(new Error(`no answer for ${seconds.toFixed(1)} s`));
    }
    if (this.#calls.size === 0) this.exists("/").catch(() => undefined);
  }
}

function innerHalf({ connectionManager }: Partial<ZooKeeperClient>): ConnectionManager {
  if (typeof connectionManager?.onSocketData === "function") return connectionManager;
  throw new ImproperlyConfigured(
    "this version of node-zookeeper-client is made otherwise than 1.1, which is known here: npm install node-zookeeper-client@1.1",
  );
}

const refusedLogin = ({ displayUrl }: Endpoint): OperationalError =>
  new OperationalError(`${displayUrl} refused the login (check user and password in the URL)`, { retriable: false });

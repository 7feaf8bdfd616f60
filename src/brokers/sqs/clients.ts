import type * as Sdk from "@aws-sdk/client-sqs";
import { ImproperlyConfigured } from "../../errors.js";
import { loadPeer } from "../../util/load-peer.js";
import { SqsClient } from "./client.js";
import type { SdkModule } from "./client.js";
import { clientConfig } from "./client-config.js";
import type { ClientConfig } from "./client-config.js";
import type { Credentials, PredefinedQueue, SqsSettings } from "./settings.js";
import { assumeRole } from "./sts.js";
import type { SqsEndpoint } from "./url.js";

/** Where neither the options nor the SDK's own places name a region, as in kombu. */
const DEFAULT_REGION = "us-east-1";

/**
 * The SDK's clients of one broker: one for all queues, and further ones for predefined queues with a region or
 * credentials of their own. Nothing is loaded or connected before the first call.
 */
export class Clients {
  readonly #endpoint: SqsEndpoint;
  readonly #settings: SqsSettings;
  readonly #config: ClientConfig;
  readonly #lib: unknown;
  readonly #open = new Map<string, Promise<SqsClient>>();
  readonly #owned: Sdk.SQSClient[] = [];
  #sdk: Promise<SdkModule> | undefined;
  readonly #end = new AbortController();

  constructor(endpoint: SqsEndpoint, settings: SqsSettings, connectTimeout: number, lib: unknown) {
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#config = clientConfig(settings.clientConfig, connectTimeout);
    this.#lib = lib;
  }

  get displayUrl(): string {
    return this.#endpoint.displayUrl;
  }

  for(queue?: PredefinedQueue): Promise<SqsClient> {
    const region = queue?.region ?? this.#settings.region;
    const credentials = queue?.credentials ?? this.#endpoint.credentials;
    const key = JSON.stringify([region, credentials]);
    let client = this.#open.get(key);
    if (!client) {
      client = this.#make(region, credentials, queue !== undefined);
      this.#open.set(key, client);
      // What failed (a region that could not be read) is tried again by the next call.
      client.catch(() => this.#open.delete(key));
    }
    return client;
  }

  /** Ends the calls under way, too. */
  close(): void {
    this.#end.abort();
    for (const client of this.#owned.splice(0)) client.destroy();
  }

  async #make(
    region: string | undefined,
    credentials: Credentials | undefined,
    predefined: boolean,
  ): Promise<SqsClient> {
    const sdk = await (this.#sdk ??= loadSdk(this.#lib));
    const { limit, sdkConfig } = this.#config;
    const wrap = (client: Sdk.SQSClient): SqsClient =>
      new SqsClient(sdk, client, this.displayUrl, limit, this.#end.signal);
    const own = predefined && (region !== this.#settings.region || credentials !== this.#endpoint.credentials);
    if (isClient(this.#lib) && !own) return wrap(this.#lib);
    const where = region ?? (await ownRegion(sdk));
    const { role } = this.#settings;
    const { endpoint } = this.#endpoint;
    const client = new sdk.SQSClient({
      region: where,
      ...(endpoint !== undefined && { endpoint }),
      ...(role ? { credentials: assumeRole(role, where, credentials) } : credentials && { credentials }),
      ...sdkConfig,
    });
    if (this.#end.signal.aborted) client.destroy();
    else this.#owned.push(client);
    return wrap(client);
  }
}

/** The region of the environment, the profile or the machine, found by the SDK's own rules. */
async function ownRegion(sdk: SdkModule): Promise<string> {
  const probe = new sdk.SQSClient({});
  try {
    return await probe.config.region();
  } catch {
    return DEFAULT_REGION;
  } finally {
    probe.destroy();
  }
}

/** The SDK: what the caller handed in, or the optional peer package. A ready client does without its module. */
async function loadSdk(lib: unknown): Promise<SdkModule> {
  if (lib !== undefined && !isClient(lib)) {
    if (isModule(lib)) return lib;
    throw new ImproperlyConfigured(
      'the "lib" option of an SQS broker has to be the module @aws-sdk/client-sqs or an SQSClient of it',
    );
  }
  return loadPeer("@aws-sdk/client-sqs", "the SQS broker", () => import("@aws-sdk/client-sqs"));
}

const isClient = (lib: unknown): lib is Sdk.SQSClient =>
  typeof lib === "object" && lib !== null && "send" in lib && typeof lib.send === "function";

const isModule = (lib: unknown): lib is SdkModule =>
  typeof lib === "object" && lib !== null && "SQSClient" in lib && typeof lib.SQSClient === "function";

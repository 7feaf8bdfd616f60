import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, urlParts } from "../../util/url.js";

/** One server of the ensemble. */
export interface Endpoint {
  /** Without secrets. */
  readonly displayUrl: string;
  readonly host: string;
  readonly port: number;
  /** `user:password` for the digest scheme, or undefined for nobody in particular. */
  readonly login: string | undefined;
}

/** A whole broker URL. */
export interface Ensemble {
  readonly endpoints: readonly Endpoint[];
  /** The path that the queues are under, without slashes around it; empty for none. */
  readonly vhost: string;
}

const PORT = 2181;

/** Connection arguments that kombu takes from the query of a broker URL; the last few mean nothing on ZooKeeper. */
const KNOWN: ReadonlySet<string> = new Set([
  ...["hostname", "port", "userid", "password", "virtual_host", "connect_timeout"],
  ...["insist", "transport", "login_method", "heartbeat"],
]);

/**
 * `zookeeper://[user:password@]host[:2181][,host...][/path]`, several separated by `;` (the later ones with or without
 * scheme). The path of the first that has one holds for all of them.
 *
 * @throws ImproperlyConfigured for unknown parameters, or servers that disagree about the path
 */
export function zookeeperEnsemble(url: string): Ensemble {
  const found = url.split(";").flatMap((one, index) => servers(index > 0 && !one.includes("://") ? scheme(one) : one));
  const vhosts = new Set(found.flatMap(({ vhost }) => (vhost === "" ? [] : [vhost])));
  if (vhosts.size > 1)
    throw new ImproperlyConfigured(
      `the servers of ${maskUrl(url)} have different virtual hosts (${[...vhosts].join(", ")}): ` +
        `they are one ensemble, so give one path, or the same one to each`,
    );
  return { endpoints: found.map(({ endpoint }) => endpoint), vhost: [...vhosts][0] ?? "" };
}

const scheme = (rest: string): string => `zookeeper://${rest}`;

/** `scheme://login@a,b/path` is `scheme://login@a/path` and `scheme://login@b/path`. */
function servers(url: string): { readonly endpoint: Endpoint; readonly vhost: string }[] {
  const match = /^([\w+.-]+:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/s.exec(url);
  if (!match) return [server(url)];
  const [, before = "", hosts = "", after = ""] = match;
  return hosts.split(",").map((host) => server(`${before}${host}${after}`));
}

function server(url: string): { readonly endpoint: Endpoint; readonly vhost: string } {
  const displayUrl = maskUrl(url);
  const { hostname, port, username, password, path, query } = urlParts(url);
  for (const name of Object.keys(query))
    if (!KNOWN.has(name))
      throw new ImproperlyConfigured(
        `${displayUrl} has an unknown parameter "${name}": known are ${[...KNOWN].join(", ")}; ` +
          `settings such as session_timeout belong into brokerTransportOptions`,
      );
  const user = query["userid"] ?? username;
  const secret = query["password"] ?? password;
  return {
    endpoint: {
      displayUrl,
      host: query["hostname"] ?? hostname ?? "127.0.0.1",
      port: portNumber(query["port"] ?? port ?? PORT, displayUrl),
      login: user === undefined && secret === undefined ? undefined : `${user ?? ""}:${secret ?? ""}`,
    },
    vhost: (query["virtual_host"] ?? path ?? "").replace(/^\/+|\/+$/g, ""),
  };
}

function portNumber(value: string | number, displayUrl: string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ImproperlyConfigured(`the port of ${displayUrl} is ${JSON.stringify(value)}: expected 1 to 65535`);
}

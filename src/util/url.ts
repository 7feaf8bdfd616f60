import { ImproperlyConfigured } from "../errors.js";

/**
 * The same URL with its password (and any secret-looking query value) replaced by stars: for logs and errors. When in
 * doubt it hides too much: a password may hold unescaped slashes, question marks or semicolons, the scheme or the host
 * may have been forgotten, and that is just when the URL ends up in an error.
 */
export function maskUrl(url: string): string {
  return url
    .split(/;(?=[\w+.-]+:\/\/)/)
    .map((one) =>
      one
        .replace(/^([\w+.-]+:\/\/|(?![\w+.-]+:\/\/))([^:@/?#]*):(.*)@/s, "$1$2:**@")
        // Without a host, what stands in the place of the port is the password; several hosts may have a port each.
        .replace(/^([\w+.-]+:\/\/[^:@/?#[]*):(?!\*\*@)(?!\d*(?:,[^,:@/?#]*(?::\d*)?)*(?:[/?#]|$))[^/?#]*/, "$1:**")
        .replace(/([?&](?:[\w-]*(?:passw|pwd|secret|token|key|credential)[\w-]*)=)[^&#]*/gi, "$1**"),
    )
    .join(";");
}

/** The part before `://` in lower case, or the whole text when there is none (`rpc`, `disabled`). */
export function schemeOf(url: string): string {
  const at = url.indexOf("://");
  return (at < 0 ? url : url.slice(0, at)).toLowerCase();
}

/** Parts of a broker or backend URL, percent-decoded, empty parts undefined (kombu's `url_to_parts`). */
export interface UrlParts {
  readonly scheme: string;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The path less one leading slash. */
  readonly path: string | undefined;
  readonly query: Readonly<Record<string, string>>;
}

export function urlParts(url: string): UrlParts {
  const match = /^([\w+.-]+):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(url);
  if (!match)
    throw new ImproperlyConfigured(`not a URL: ${JSON.stringify(maskUrl(url))}; expected scheme://host:port/path`);
  const [, scheme = "", authority = "", path = "", query = ""] = match;
  const at = authority.lastIndexOf("@");
  const login = at < 0 ? "" : authority.slice(0, at);
  const host = at < 0 ? authority : authority.slice(at + 1);
  const colon = login.indexOf(":");
  const address = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host);
  if (!address)
    throw new ImproperlyConfigured(
      `the host of ${maskUrl(url)} cannot be read; expected host or host:port, and / ? # @ in a password as %2F %3F %23 %40`,
    );
  const port = address[2] ? Number(address[2]) : undefined;
  if (port !== undefined && port > 65535)
    throw new ImproperlyConfigured(`the port of ${maskUrl(url)} is above the limit of 65535`);
  return {
    scheme: scheme.toLowerCase(),
    hostname: decode(address[1]?.replace(/^\[|\]$/g, "").toLowerCase(), url),
    port,
    username: decode(colon < 0 ? login : login.slice(0, colon), url),
    password: decode(colon < 0 ? undefined : login.slice(colon + 1), url),
    path: decode(path.startsWith("/") ? path.slice(1) : path, url),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(text: string | undefined, url: string): string | undefined {
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ImproperlyConfigured(`${maskUrl(url)} has a broken percent escape`, { cause });
  }
}

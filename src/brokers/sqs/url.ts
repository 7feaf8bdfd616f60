import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, urlParts } from "../../util/url.js";

/** What the URL says. */
export interface SqsEndpoint {
  /** Without secrets. */
  readonly displayUrl: string;
  /** Another server than Amazon's: an emulator, a proxy, a VPC endpoint. */
  readonly endpoint: string | undefined;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/**
 * `sqs://KEY:SECRET@` (percent-encoded), `sqs://` for the credentials that the SDK finds by itself, and
 * `sqs://KEY:SECRET@host:port` for a server that is not Amazon's: by HTTP, unless `is_secure` is set.
 *
 * @throws ImproperlyConfigured for parameters (kombu takes none either), several URLs, and half credentials
 */
export function sqsEndpoint(url: string, isSecure: boolean): SqsEndpoint {
  const displayUrl = maskUrl(url);
  if (url.includes(";"))
    throw new ImproperlyConfigured(`${displayUrl}: SQS has one address; percent-encode a ";" of the secret as %3B`);
  const { hostname, port, username, password, query } = urlParts(url);
  const [unknown] = Object.keys(query);
  if (unknown !== undefined)
    throw new ImproperlyConfigured(
      `${displayUrl} has a parameter "${unknown}": SQS takes none; settings such as region and visibility_timeout ` +
        `belong into brokerTransportOptions`,
    );
  if ((username === undefined) !== (password === undefined))
    throw new ImproperlyConfigured(
      `${displayUrl} has only one of access key and secret: write sqs://KEY:SECRET@, both percent-encoded, or sqs://`,
    );
  const host = hostname?.includes(":") ? `[${hostname}]` : hostname;
  return {
    displayUrl,
    endpoint: host && `${isSecure ? "https" : "http"}://${host}${port === undefined ? "" : `:${port}`}`,
    credentials: username && password ? { accessKeyId: username, secretAccessKey: password } : undefined,
  };
}

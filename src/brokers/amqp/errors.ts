import { CeleryError, OperationalError } from "../../errors.js";

/** AMQP reply codes that are acted upon. */
export const ACCESS_REFUSED = 403;
export const NOT_FOUND = 404;
export const RESOURCE_LOCKED = 405;
export const PRECONDITION_FAILED = 406;
export const NOT_ALLOWED = 530;
export const NOT_IMPLEMENTED = 540;

/** The reply code that the server gave, as amqplib attaches it; undefined for errors of the client or the network. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "number" ? code : undefined;
}

/** What went wrong, in one line: the text of the server where there is one. */
export function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map((one) => textOf(one)))].join("; ");
  if (!(error instanceof Error)) return String(error);
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}

/** The server's own words out of amqplib's sentence around them. */
export function serverText(error: unknown): string {
  return /with message "([^]*)"/.exec(textOf(error))?.[1] ?? textOf(error);
}

/** Why the server closed the channel of a consumer. */
export function channelClosed(refusal: unknown): CeleryError {
  const text = serverText(refusal);
  if (replyCode(refusal) === PRECONDITION_FAILED && /acknowledgement.*timed out/.test(text))
    return new OperationalError(
      `a message was not acknowledged within the server's consumer_timeout, so it gives out all of them again: ${text}. ` +
        "Acknowledge early, use shorter tasks and ETAs, or raise consumer_timeout on the server",
      { cause: refusal },
    );
  return operational(refusal, "the consuming channel was closed");
}

/** An error of the library as it is, anything else as `OperationalError` with a sentence in front. */
export function operational(error: unknown, doing: string): CeleryError {
  if (error instanceof CeleryError) return error;
  const retriable = replyCode(error) !== ACCESS_REFUSED;
  return new OperationalError(`${doing}: ${serverText(error)}`, { cause: error, retriable });
}

/** Why one address could not be connected to, with what to do about it. */
export function connectError(error: unknown, display: string, username: string, vhost: string): CeleryError {
  if (error instanceof CeleryError) return error;
  const text = textOf(error);
  if (/ACCESS.REFUSED/.test(text) && /[Ll]ogin/.test(text))
    return new OperationalError(
      `${display} refused the login of user "${username}": check name and password` +
        (username === "guest" ? ` (RabbitMQ lets "guest" in from the same machine only)` : ""),
      { cause: error, retriable: false },
    );
  if (/NOT.ALLOWED|Expected ConnectionOpenOk/.test(text))
    return new OperationalError(
      `${display} refused the virtual host "${vhost}" to user "${username}": it does not exist, or the user has no ` +
        `permission on it, or its connection limit is reached (rabbitmqctl list_vhosts, list_permissions)`,
      { cause: error, retriable: false },
    );
  if (/wrong version number|Frame size|[Ii]nvalid frame|Unknown frame/.test(text))
    return new OperationalError(
      `what answers at ${display} does not speak AMQP 0-9-1 there: check port and scheme (amqp 5672, amqps 5671)`,
      { cause: error, retriable: false },
    );
  const tls = tlsProblem(error, text);
  if (tls !== undefined)
    return new OperationalError(`no TLS connection to ${display}: ${tls} (${text})`, {
      cause: error,
      retriable: false,
    });
  if (/SASL mechanism/.test(text))
    return new OperationalError(`${display}: ${text}; set the login method (PLAIN, AMQPLAIN or EXTERNAL)`, {
      cause: error,
      retriable: false,
    });
  return new OperationalError(`cannot connect to ${display}: ${text}`, { cause: error });
}

/** What is wrong with the certificates, and what can be done; undefined when the problem is another one. */
function tlsProblem(error: unknown, text: string): string | undefined {
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? "");
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return "the server's certificate is for another name: connect by that name, give server_hostname, or check_hostname=false";
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return "the server's certificate is not valid now";
  if (/SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_(?:UNTRUSTED|SIGNATURE_FAILURE|REVOKED)/.test(code))
    return "the server's certificate is signed by nobody we trust: give its authority as ca_certs";
  if (/ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)|certificate required|handshake failure/i.test(code + text))
    return "the server wants a certificate of ours: give certfile and keyfile";
  if (
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)|unknown ca|bad certificate/i.test(
      code + text,
    )
  )
    return "the server does not accept our certificate (certfile)";
  if (/KEY_VALUES_MISMATCH|NO_START_LINE|PEM|BAD_DECRYPT|UNSUPPORTED|ASN1/i.test(code))
    return "our certificate or key cannot be used: check certfile, keyfile and ca_certs";
  return undefined;
}

import type { SQSClientConfig } from "@aws-sdk/client-sqs";
import { ImproperlyConfigured } from "../../errors.js";
import { number, refuse, table } from "./options.js";
import type { Options } from "./options.js";

/** Each consumed queue occupies one connection with its long poll: the SDK's 50 would soon be used up. */
const MAX_SOCKETS = 1000;
/** Seconds for an answer besides the time of a long poll; botocore's `read_timeout`. */
const READ_TIMEOUT = 60;

export interface ClientConfig {
  /** Milliseconds for one call. */
  readonly limit: number;
  readonly sdkConfig: SQSClientConfig;
}

const BOTOCORE = ["connect_timeout", "read_timeout", "max_pool_connections", "retries", "user_agent_extra"];

/**
 * `client-config`: what Python hands to botocore, as far as it has a meaning here, beside the SDK's own names, which
 * go to the SDK as they are.
 *
 * @throws ImproperlyConfigured for botocore settings that mean nothing here
 */
export function clientConfig(given: Options, connectTimeout: number): ClientConfig {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (BOTOCORE.includes(name)) continue;
    if (name.includes("_"))
      throw new ImproperlyConfigured(
        `SQS transport option client-config has ${JSON.stringify(name)}, which the SDK for JavaScript does not know; ` +
          `known are ${BOTOCORE.join(", ")} and the settings of SQSClient by their own names`,
      );
    own[name] = value;
  }
  const maxSockets = number(given, "max_pool_connections", MAX_SOCKETS, 1, Infinity);
  const { requestHandler, ...rest } = own;
  const defaults = {
    connectionTimeout: number(given, "connect_timeout", connectTimeout, 0, Infinity) * 1000,
    httpAgent: { maxSockets, keepAlive: true },
    httpsAgent: { maxSockets, keepAlive: true },
  };
  const userAgent = given["user_agent_extra"];
  return {
    limit: number(given, "read_timeout", READ_TIMEOUT, 0.001, Infinity) * 1000,
    sdkConfig: {
      requestHandler: isReady(requestHandler) ? requestHandler : { ...defaults, ...(requestHandler as object) },
      ...attempts(given),
      ...(typeof userAgent === "string" && { customUserAgent: userAgent }),
      ...rest,
    },
  };
}

type RequestHandler = NonNullable<SQSClientConfig["requestHandler"]>;

const isReady = (handler: unknown): handler is RequestHandler =>
  typeof handler === "object" && handler !== null && "handle" in handler;

/** botocore: `max_attempts` counts the repetitions, `total_max_attempts` also the first call, as the SDK does. */
function attempts(given: Options): { maxAttempts?: number; retryMode?: string } {
  const retries = table(given, "retries");
  if (!retries) return {};
  const total = retries["total_max_attempts"] ?? retries["max_attempts"];
  const mode = retries["mode"];
  if (total !== undefined && (typeof total !== "number" || !(total >= 0)))
    refuse("client-config retries", total, "a number");
  if (mode !== undefined && typeof mode !== "string") refuse("client-config retries mode", mode, "a text");
  return {
    ...(typeof total === "number" && { maxAttempts: "total_max_attempts" in retries ? Math.max(1, total) : total + 1 }),
    // "legacy" is botocore's own.
    ...(typeof mode === "string" && mode !== "legacy" && { retryMode: mode }),
  };
}

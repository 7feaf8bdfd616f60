import { CeleryError, OperationalError } from "../../errors.js";

/** What an error of the SDK tells, whatever its class (there may be several copies of the SDK in one program). */
interface Told {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
}

function told(error: unknown): Told {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), status: undefined };
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  // Something that is no SQS: a proxy with a page of its own, another web server.
  if (error instanceof SyntaxError) return { name: `status ${status}`, message: "its answer is no JSON", status };
  return { name: error.name, message: describe(error), status };
}

function describe(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map((one: unknown) => (one instanceof Error ? describe(one) : String(one))).join("; ");
  return error.message || error.name;
}

/** Newer and older (query protocol) names of the same answer. */
const MISSING = /^(QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue)$/;
const DENIED = /^(AWS\.SimpleQueueService\.)?AccessDenied(Exception)?$/;
const CREDENTIALS =
  /^(CredentialsProviderError|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|InvalidAccessKeyId|MissingAuthenticationToken|IncompleteSignature|AuthFailure|InvalidSecurity|ExpiredToken(Exception)?)$/;
/** Answers that pass by themselves although they come with a status of the 400s. */
const PASSING =
  /^(AWS\.SimpleQueueService\.)?(QueueDeletedRecently|PurgeQueueInProgress|OverLimit|RequestThrottled|Throttling(Exception)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown|KmsThrottled|RequestTimeout(Exception)?|PriorRequestNotComplete)$/;
/** Something is wrong with the message, or with one of those that were sent together. */
const BAD_MESSAGE =
  /^(AWS\.SimpleQueueService\.)?(InvalidParameterValue|InvalidParameterCombination|InvalidAttributeValue|InvalidMessageContents|MissingParameter|UnsupportedOperation|BatchRequestTooLong|ValidationException)$/;
/** The message is not in our hands any more: its time was over, or it is done. */
const GONE = /^(AWS\.SimpleQueueService\.)?(ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue)$/;

export const isMissingQueue = (error: unknown): boolean => MISSING.test(told(error).name);
export const isDenied = (error: unknown): boolean => DENIED.test(told(error).name);
export const isBadMessage = (error: unknown): boolean => BAD_MESSAGE.test(told(error).name);
/** Codes of single entries of a batch. */
export const isGone = (code: string | undefined): boolean => code !== undefined && GONE.test(code);

/** Any failure of the client as the library's error, naming the server with its secrets masked. */
export function sqsFailure(doing: string, displayUrl: string, error: unknown): CeleryError {
  if (error instanceof CeleryError) return error;
  const { name, message, status } = told(error);
  const known = CREDENTIALS.test(name) || DENIED.test(name) || MISSING.test(name);
  // No status: nobody answered. A refusal for good has a status of the 400s.
  const retriable = status === undefined ? !known : status >= 500 || status === 429 || PASSING.test(name);
  return new OperationalError(
    `${doing} at ${displayUrl} ${status === undefined ? "failed" : `was refused (${name})`}: ${message}${remedy(name, doing)}`,
    { cause: error, retriable },
  );
}

function remedy(name: string, doing: string): string {
  if (CREDENTIALS.test(name))
    return " (check access key, secret and region: they come from the URL, from predefined_queues, or from where the AWS SDK looks for them)";
  if (DENIED.test(name))
    return ` (the policy of this account or of the queue has to allow it: see the rights listed in docs/brokers.md; it was about ${doing})`;
  return "";
}

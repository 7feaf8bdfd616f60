import { ImproperlyConfigured } from "../../errors.js";

/** Amazon's limit for the name of a queue, `.fifo` included. */
export const LONGEST_NAME = 80;

export const isFifo = (name: string): boolean => name.endsWith(".fifo");

/**
 * How a queue is called in SQS (kombu/transport/SQS `canonical_queue_name`): the prefix in front, dots as dashes, all
 * other ASCII punctuation but `-` and `_` as underscores; a last `.fifo` stays. `a.b` and `a-b` are one queue.
 *
 * @throws ImproperlyConfigured for a name that SQS cannot have
 */
export function sqsName(queue: string, prefix: string): string {
  const whole = prefix + queue;
  const name = isFifo(whole) ? `${mangle(whole.slice(0, -".fifo".length))}.fifo` : mangle(whole);
  if (name.length > LONGEST_NAME || !/^[\w-]+(\.fifo)?$/.test(name))
    throw new ImproperlyConfigured(
      `SQS cannot have a queue ${JSON.stringify(queue)}: its name there would be ${JSON.stringify(name)}, but 1 to ` +
        `${LONGEST_NAME} characters of A-Z, a-z, 0-9, - and _ are allowed; choose another name or a shorter queue_name_prefix`,
    );
  return name;
}

const mangle = (text: string): string => text.replaceAll(".", "-").replaceAll(/[!-,/:-@[-^`{-~]/g, "_");

/** Names of queues that `sqsName` takes. */
export const possibleNames = (prefix: string): RegExp =>
  new RegExp(`^[!-~]{1,${Math.max(1, LONGEST_NAME - prefix.length)}}$`);

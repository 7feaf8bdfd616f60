import { type CeleryError, OperationalError, PublishError } from "../../errors.js";
import type { Pending } from "./confirm-window.js";
import { isEntrance } from "./delayed.js";
import { ACCESS_REFUSED, NOT_FOUND, replyCode } from "./errors.js";

/** The ways in which a message fails to be published, each with what its sender can do about it. */

const where = ({ to }: Pending): string => `exchange "${to.exchange.name}", routing key "${to.routingKey}"`;

const DELAYS = "workers that consume quorum queues set up delayed delivery: start one";

/** basic.return: no queue is bound there. */
export function notRouted(pending: Pending, reason: string): CeleryError {
  const remedy = isEntrance(pending.to.exchange)
    ? DELAYS
    : "declare and bind the queue, check the routing key, or publish with mandatory: false";
  return new PublishError(`no queue took the message for ${where(pending)} (${reason}): ${remedy}`);
}

/** basic.nack: the queue could not take it now. */
export function notTaken(pending: Pending, display: string): CeleryError {
  return new OperationalError(
    `${display} refused a message for ${where(pending)} (nack): the queue is full or cannot take it now`,
  );
}

/** The server closed the channel because of this very message. */
export function refused(text: string, pending: Pending, cause: unknown): CeleryError {
  const missing = isEntrance(pending.to.exchange) ? DELAYS : "declare the exchange first";
  const remedies = new Map([
    [NOT_FOUND, missing],
    [ACCESS_REFUSED, "the user needs the permission to write there (rabbitmqctl set_permissions)"],
  ]);
  const remedy = remedies.get(replyCode(cause) ?? 0) ?? "see the text of the server";
  return new PublishError(`the broker refused a message for ${where(pending)}: ${text}; ${remedy}`, { cause });
}

/** The server closed the channel because of another message, and this one was on its way. */
export function bystander(text: string, display: string, cause: unknown): CeleryError {
  return new OperationalError(
    `${display} closed the channel because of another message (${text}); this one may have arrived all the same`,
    { cause },
  );
}

/** The connection was lost before the confirmation came. */
export function maybeArrived(lost: CeleryError): CeleryError {
  return new OperationalError(`${lost.message}; a message that was not confirmed yet may have arrived all the same`, {
    cause: lost,
  });
}

/** Whether the server's reason for closing the channel names something of this message. */
export function isAbout(text: string, { to, message }: Pending): boolean {
  if (text.includes(`exchange '${to.exchange.name || "amq.default"}'`)) return true;
  const { expiration } = message.properties;
  return expiration !== undefined && text.includes("expiration");
}

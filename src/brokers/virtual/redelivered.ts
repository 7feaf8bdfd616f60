import { markRedelivered } from "../../protocol/envelope.js";

/**
 * What goes back into a queue: the envelope marked as redelivered. A text that is no envelope goes back as it came:
 * whoever takes it next finds out and says so, and the messages beside it are not held up by it.
 */
export function redelivered(text: string, style: "headers" | "top-level"): string {
  try {
    return markRedelivered(text, style);
  } catch {
    return text;
  }
}

/** An error for people: its stack, and those of its causes. */
export function errorText(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const text = stackOf(error);
  if (error.cause === undefined || depth > 4) return text;
  return `${text}\n  caused by: ${errorText(error.cause, depth + 1)}`;
}

/** The stack begins with name and message, unless they were changed after it was made. */
function stackOf(error: Error): string {
  const { stack } = error;
  const head = `${error.name}: ${error.message}`;
  if (!stack) return head;
  if (stack.includes(error.message)) return stack;
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return [head, ...frames].join("\n");
}

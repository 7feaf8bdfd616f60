/**
 * Puts keyword arguments where the task's `params` say (JavaScript has no keywords). Throws TypeError, in Python's
 * words, for a call that does not fit: the task fails as a wrong call would in Python.
 */
export function bindArguments(
  task: string,
  params: readonly string[] | undefined,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const names = Object.keys(kwargs);
  if (params && args.length > params.length)
    throw new TypeError(`${task}() takes ${params.length} arguments but ${args.length} were given`);
  if (names.length === 0) return args;
  if (!params)
    throw new TypeError(
      `${task}() got the keyword argument '${names[0]}' but names no arguments; give the task { params: [...] }`,
    );
  const bound = [...args];
  for (const name of names) {
    const index = params.indexOf(name);
    if (index < 0) throw new TypeError(`${task}() got an unexpected keyword argument '${name}'`);
    if (index < args.length) throw new TypeError(`${task}() got multiple values for argument '${name}'`);
    bound[index] = kwargs[name];
  }
  // Holes read as undefined, which is how an argument left out looks to the handler: its default applies.
  return Array.from(bound);
}

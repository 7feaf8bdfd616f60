type Args = readonly unknown[];
type Kwargs = Readonly<Record<string, unknown>>;

export interface Arguments {
  readonly args: Args;
  readonly kwargs: Kwargs;
}

/**
 * The arguments of the next attempt (celery/app/task.py `Task.retry`, 5.7): where only `args` or only `kwargs` are
 * changed, an argument that was passed the other way does not stay beside its new value.
 */
export function retryArguments(
  params: readonly string[] | undefined,
  { args, kwargs }: Arguments,
  changes: { readonly args?: Args; readonly kwargs?: Kwargs },
): Arguments {
  if (changes.args && !changes.kwargs)
    return { args: changes.args, kwargs: without(kwargs, params?.slice(0, changes.args.length) ?? []) };
  if (changes.kwargs && !changes.args) {
    const positions = args.length <= (params?.length ?? 0) ? params!.slice(0, args.length) : [];
    const moved = positions.filter((name) => Object.hasOwn(changes.kwargs!, name));
    if (moved.length === 0) return { args, kwargs: changes.kwargs };
    const own = args.map((value, index) =>
      moved.includes(positions[index]!) ? changes.kwargs![positions[index]!] : value,
    );
    return { args: own, kwargs: without(changes.kwargs, moved) };
  }
  return { args: changes.args ?? args, kwargs: changes.kwargs ?? kwargs };
}

const without = (kwargs: Kwargs, names: readonly string[]): Kwargs =>
  Object.fromEntries(Object.entries(kwargs).filter(([name]) => !names.includes(name)));

/**
 * Something in a pickle that is no plain data, kept as inert data: nothing is imported, called or executed.
 * An instance of a class, the result of a call, or (with `args: null`) the class or function itself.
 */
export class PyObject {
  /** The state given to `__setstate__` or put into `__dict__`; undefined when there was none. */
  state: unknown = undefined;
  /** What was appended to it as to a list, or set in it as in a dict (`[key, value]` pairs). */
  items: unknown[] | undefined = undefined;

  constructor(
    readonly module: string,
    readonly name: string,
    /** What the class or function is called with; null when it was not called. */
    public args: readonly unknown[] | null = null,
    state?: unknown,
  ) {
    this.state = state;
  }

  toString(): string {
    return `<${this.module}.${this.name}>`;
  }
}

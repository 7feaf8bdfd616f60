import { ImproperlyConfigured } from "../../errors.js";

/**
 * Reads options under Celery's names. `null` stands for the default, as Python's None does; a wrong value throws
 * `ImproperlyConfigured` naming the option, its value and what is expected.
 */
export class Options {
  readonly #what: string;
  readonly #values: Readonly<Record<string, unknown>>;

  /** `what` stands before an option's name in errors: "Redis transport option". */
  constructor(what: string, values: Readonly<Record<string, unknown>>) {
    this.#what = what;
    this.#values = values;
  }

  value(name: string): unknown {
    return this.#values[name] ?? undefined;
  }

  refuse(name: string, expected: string): never {
    const value = this.#values[name];
    const shown = /password|kwargs/.test(name) ? "not readable" : (JSON.stringify(value) ?? typeof value);
    throw new ImproperlyConfigured(`${this.#what} ${name} is ${shown}: expected ${expected}`);
  }

  text<T>(name: string, otherwise: T): string | T {
    const value = this.value(name);
    if (value === undefined) return otherwise;
    return typeof value === "string" ? value : this.refuse(name, "a text");
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.value(name) ?? otherwise;
    return typeof value === "boolean" ? value : this.refuse(name, "true or false");
  }

  number<T>(name: string, otherwise: T): number | T {
    const value = this.value(name);
    if (value === undefined) return otherwise;
    return typeof value === "number" && value >= 0 && value < Infinity
      ? value
      : this.refuse(name, "a number, 0 or more");
  }

  /** A function, which this library cannot make out of Python's dotted names. */
  function<T>(name: string, expected: string): T | undefined {
    const value = this.value(name);
    return value === undefined || typeof value === "function" ? (value as T | undefined) : this.refuse(name, expected);
  }

  record(name: string, expected: string): Readonly<Record<string, unknown>> {
    const value = this.value(name) ?? {};
    return typeof value === "object" && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : this.refuse(name, expected);
  }
}

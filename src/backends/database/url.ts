import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl } from "../../util/url.js";

/** A URL in SQLAlchemy's grammar, after Celery's `db+`. */
export interface DatabaseUrl {
  readonly dialect: "postgresql" | "mysql" | "sqlite";
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** Not decoded, as in SQLAlchemy. */
  readonly database: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  /** For people: the whole URL with its secrets masked. */
  readonly shown: string;
}

const GRAMMAR =
  /^(?<name>[\w+]+):\/\/(?:(?<username>[^:/@]*)(?::(?<password>[^@]*))?@)?(?:\[(?<v6>[^/?\]]+)\]|(?<host>[^/:?]+))?(?::(?<port>[^/?]*))?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

const DIALECTS: Readonly<Record<string, DatabaseUrl["dialect"]>> = {
  postgresql: "postgresql",
  mysql: "mysql",
  mariadb: "mysql",
  sqlite: "sqlite",
};

/** The dialects, as they are written in URLs. */
const KNOWN = "db+postgresql://, db+mysql://, db+mariadb:// and db+sqlite://";

/**
 * Reads `db+<dialect>[+<driver>]://[user][:password]@host:port/database?parameters`; `database+` is the same. The
 * Python driver's name is ignored.
 *
 * @throws ImproperlyConfigured for another dialect and for what SQLAlchemy cannot read either
 */
export function databaseUrl(url: string): DatabaseUrl {
  const shown = maskUrl(url);
  const refuse = (problem: string): ImproperlyConfigured =>
    new ImproperlyConfigured(`${shown}: ${problem}; there are ${KNOWN}`);
  const rest = /^(?:db|database)\+(.*)$/is.exec(url)?.[1];
  if (rest === undefined) throw refuse("the SQL result backend needs the kind of database in its URL");
  const parts = GRAMMAR.exec(rest)?.groups;
  if (!parts) throw new ImproperlyConfigured(`${shown} cannot be read; expected db+dialect://user:password@host/name`);
  const name = (parts["name"] ?? "").split("+", 1)[0]?.toLowerCase() ?? "";
  const dialect = DIALECTS[name];
  if (name === "postgres") throw refuse("SQLAlchemy calls it postgresql, and no longer postgres");
  if (!dialect) throw refuse(`no SQL dialect is called ${name} here`);
  const host = parts["v6"] ?? (parts["host"] || undefined);
  // What is taken for the port may be a password whose host was forgotten, so it is not shown; the host may be the end
  // of a password that was not escaped, which no error of a driver should name.
  const place = `db+${name}://${host ?? ""}:...`;
  if (host?.includes("@"))
    throw new ImproperlyConfigured(`${shown} cannot be read; write / ? # @ in a password as %2F %3F %23 %40`);
  return {
    dialect,
    username: decoded(parts["username"], shown),
    password: decoded(parts["password"], shown),
    host,
    port: port(parts["port"], place),
    database: parts["database"] || undefined,
    query: Object.fromEntries(new URLSearchParams(parts["query"] ?? "")),
    shown,
  };
}

function decoded(text: string | undefined, shown: string): string | undefined {
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ImproperlyConfigured(`${shown} has a broken percent escape`, { cause });
  }
}

function port(text: string | undefined, place: string): number | undefined {
  if (!text) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number <= 65535) return number;
  throw new ImproperlyConfigured(
    `the port of ${place} is not a number from 1 to 65535; expected user:password@host:port/database`,
  );
}

/** The parameters of a URL, each used once: what is left over at the end is refused. */
export class Parameters {
  readonly #values: Map<string, string>;
  readonly #known = new Set<string>();
  readonly #shown: string;

  constructor({ query, shown }: DatabaseUrl) {
    this.#values = new Map(Object.entries(query));
    this.#shown = shown;
  }

  text(name: string): string | undefined {
    this.#known.add(name);
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value === "" ? undefined : value;
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new ImproperlyConfigured(`${name} of ${this.#shown} is ${text}; expected a number of at least 0`);
  }

  boolean(name: string): boolean | undefined {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined) return undefined;
    if (["1", "true", "yes", "on"].includes(text)) return true;
    if (["0", "false", "no", "off"].includes(text)) return false;
    throw new ImproperlyConfigured(`${name} of ${this.#shown} is ${text}; expected true or false`);
  }

  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name);
    const found = values.find((value) => value === text);
    if (text === undefined || found !== undefined) return found;
    throw new ImproperlyConfigured(`${name} of ${this.#shown} is ${text}; expected ${values.join(", ")}`);
  }

  /** Parameters of Python's drivers that have no meaning here. */
  ignore(...names: string[]): void {
    for (const name of names) this.#values.delete(name);
  }

  /** @throws ImproperlyConfigured naming a parameter that nobody asked for */
  done(): void {
    const [name] = this.#values.keys();
    if (name === undefined) return;
    throw new ImproperlyConfigured(
      `${this.#shown} has a parameter "${name}" that is not known here; known are ${[...this.#known].sort().join(", ")}`,
    );
  }
}

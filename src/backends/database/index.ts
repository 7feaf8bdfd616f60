import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl, schemeOf } from "../../util/url.js";
import type { Backend, BackendOptions, OpenBackend } from "../backend.js";
import { databaseBackend } from "./backend.js";
import type { Dialect } from "./dialect.js";
import { mysql } from "./mysql/index.js";
import { postgresql } from "./postgresql/index.js";
import { databaseSettings } from "./settings.js";
import { sqlite } from "./sqlite/index.js";
import type { DatabaseUrl } from "./url.js";
import { databaseUrl } from "./url.js";

type OpenDialect = (
  url: DatabaseUrl,
  options: BackendOptions,
  engineOptions: Readonly<Record<string, unknown>>,
) => Dialect;

const DIALECTS: Readonly<Record<DatabaseUrl["dialect"], OpenDialect>> = { postgresql, mysql, sqlite };

/**
 * Results in a SQL database, in the two tables of Celery's SQLAlchemy backend (celery/backends/database).
 *
 * `db+postgresql://user:password@host:5432/name`, `db+mysql://...`, `db+mariadb://...`, `db+sqlite:///relative.db`,
 * `db+sqlite:////absolute.db`; SQLAlchemy's driver (`+psycopg2`, `+pymysql`) may stand in the URL and means nothing.
 * `options.lib` is the client library (pg, mysql2/promise, a module with `DatabaseSync`), or a pool or database of it.
 * Transport options: `retry_policy`, `result_format` ("auto", "pickle", "serializer").
 *
 * @throws ImproperlyConfigured for a URL or a setting that cannot be used
 */
export default function open(url: string, options: BackendOptions): Backend {
  for (const name of Object.keys(options.transportOptions))
    if (name !== "retry_policy" && name !== "result_format")
      throw new ImproperlyConfigured(
        `the SQL result backend has no transport option ${name}; it has retry_policy and result_format`,
      );
  const target = databaseUrl(url);
  const settings = databaseSettings(options);
  const dialect = DIALECTS[target.dialect](target, options, settings.engineOptions);
  return databaseBackend({
    scheme: schemeOf(url),
    displayUrl: maskUrl(url),
    dialect,
    settings,
    options,
    // SQLAlchemy's LargeBinary is a BLOB in MySQL, which ends at 64 KiB.
    ...(target.dialect === "mysql" && { maxResult: 65_535 }),
  });
}

open satisfies OpenBackend;

import { join } from "node:path";
import mysql from "mysql2/promise";
import pg from "pg";
import { removeFolder, temporaryFolder } from "../servers/children.js";
import type { Server } from "../servers/index.js";
import { sharedServer } from "../servers/shared.js";
import type { BackendDriver, Place } from "./driver.js";
import { commonPlace, uniqueName } from "./place.js";

/** Databases of their own on one server: nothing is ever in the way. */
const newName = (): string => uniqueName("celeriac").replaceAll("-", "_");

const named = (server: Server, name: string): string => server.url.replace(/\/\w*$/, `/${name}`);

export async function postgresDatabase(given?: Server): Promise<{ readonly server: Server; readonly url: string }> {
  const server = given ?? (await sharedServer("postgresql"));
  const name = newName();
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return { server, url: named(server, name) };
}

export async function mariadbDatabase(given?: Server): Promise<{ readonly server: Server; readonly url: string }> {
  const server = given ?? (await sharedServer("mariadb"));
  const name = newName();
  const client = await mysql.createConnection(server.url);
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return { server, url: named(server, name) };
}

/** SQLAlchemy 2.1 takes other drivers than these for granted. */
const withDriver = (url: string, driver: string): string => `db+${url.replace("://", `+${driver}://`)}`;

export const postgresqlBackend: BackendDriver = {
  name: "postgresql",
  pickles: true,
  server: "postgresql",
  secret: "kept-secret",
  prepare: async (given): Promise<Place> => {
    const { server, url } = await postgresDatabase(given);
    return commonPlace(withDriver(url, "psycopg2"), server);
  },
};

export const mariadbBackend: BackendDriver = {
  name: "mariadb",
  pickles: true,
  server: "mariadb",
  secret: "kept-secret",
  prepare: async (given): Promise<Place> => {
    const { server, url } = await mariadbDatabase(given);
    return commonPlace(withDriver(url, "pymysql"), server);
  },
};

export const sqliteBackend: BackendDriver = {
  name: "sqlite",
  pickles: true,
  server: null,
  prepare: () => {
    const folder = temporaryFolder("sqlite");
    return Promise.resolve(
      commonPlace(`db+sqlite:///${join(folder, "results.db")}`, null, async () => removeFolder(folder)),
    );
  },
};

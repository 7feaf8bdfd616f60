import assert from "node:assert/strict";
import * as library from "@photostructure/sqlite";
import { SqliteClient } from "./client.js";

describe("SQLite's connection", () => {
  it("a script that fails is undone, and fails with its own reason, also when SQLite has undone it by itself", async () => {
    const database = new library.DatabaseSync(":memory:");
    const client = new SqliteClient(":memory:", 1000, database);
    database.exec("CREATE TABLE there (x UNIQUE); INSERT INTO there VALUES (1)");
    const rollsBack = "INSERT OR ROLLBACK INTO there VALUES (1)";
    await assert.rejects(client.script(["CREATE TABLE other (x)", rollsBack]), /UNIQUE constraint/);
    await assert.rejects(
      client.script(["CREATE TABLE other (x)", "INSERT INTO there VALUES (1)"]),
      /UNIQUE constraint/,
    );
    assert.deepEqual(await client.rows({ sql: "SELECT name FROM sqlite_master WHERE name = 'other'", values: [] }), []);
    await client.close();
    database.close();
  });
});

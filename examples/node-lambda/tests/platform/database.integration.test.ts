import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { App } from "../../src/platform/app.ts";
import { isUnavailable, transaction } from "../../src/platform/database.ts";
import { HAS_DATABASE, makeSchema } from "./schema.ts";
import { makeApp } from "./support.ts";

describe.skipIf(!HAS_DATABASE)("the pool, on a real database", () => {
  let app: App;

  beforeEach(async () => {
    ({ app } = await makeApp({ settings: await makeSchema() }));
    await app.pg.query("CREATE TABLE notes (text text)");
  });

  const count = async () => (await app.pg.query("SELECT FROM notes")).rowCount;

  test("what returns is committed, and what throws is rolled back", async () => {
    await transaction(app.pg, (client) => client.query("INSERT INTO notes VALUES ('kept')"));
    const failed = transaction(app.pg, async (client) => {
      await client.query("INSERT INTO notes VALUES ('lost')");
      throw new Error("the reason");
    });
    await expect(failed).rejects.toThrow("the reason");
    expect(await count()).toBe(1);
  });

  test("a connection that is cut fails its own transaction, and nothing else", async () => {
    const failed = transaction(app.pg, async (client) => {
      const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await app.pg.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
      await sleep(200); // at work on something else when the news comes
      await client.query("INSERT INTO notes VALUES ('lost')");
    });
    await expect(failed).rejects.toSatisfy(isUnavailable);
    expect(await count()).toBe(0);
    expect((await app.inject("/readyz")).json()).toEqual({ status: "ready", checks: { database: "ok" } });
  });
});

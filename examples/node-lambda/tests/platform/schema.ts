import { randomBytes } from "node:crypto";
import { onTestFinished, vi } from "vitest";
import { DatabaseClient, parseDatabaseUrl } from "../../src/platform/connection.ts";
import { applyMigrations } from "../../src/platform/migrate.ts";

const { DATABASE_URL = "" } = process.env;

/** For tests that need a database: those of `make test-integration`. */
export const HAS_DATABASE = DATABASE_URL !== "";

/** Makes a schema for one test alone, with all migrations, and returns the settings of a service that works in it. */
export async function makeSchema(): Promise<{ DATABASE_URL: string }> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const client = new DatabaseClient(parseDatabaseUrl(DATABASE_URL));
  await client.connect();
  await client.query(`CREATE SCHEMA ${name}`);
  await applyMigrations(client, name);
  vi.stubEnv("PGOPTIONS", `-c search_path=${name}`);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await client.query(`DROP SCHEMA ${name} CASCADE`);
    await client.end();
  });
  return { DATABASE_URL };
}

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import type { Client } from "pg";
import type { Logger } from "pino";
import { DatabaseClient, parseDatabaseUrl } from "./connection.ts";
import { SettingsError } from "./environment.ts";
import { readSettings } from "./settings.ts";

const WAIT = 30_000; // milliseconds, for a database that is just starting
const FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Applies the migrations that the database lacks, in the order of their numbers. */
export async function migrate(log: Logger): Promise<void> {
  const settings = readSettings();
  log.level = settings.LOG_LEVEL;
  if (!settings.DATABASE_URL) {
    throw new SettingsError("DATABASE_URL", "expected the database to migrate");
  }
  const client = await connect(settings.DATABASE_URL);
  const applied = await applyMigrations(client);
  await client.end();
  log.info({ applied }, "migrated");
}

/** In one transaction: a migration that fails leaves nothing behind. Two at once are safe: the second waits. */
export async function applyMigrations(client: Client, schema = "public"): Promise<number> {
  const silent = () => undefined;
  const applied = await runner({
    dbClient: client,
    dir: FOLDER,
    ignorePattern: "^(?!.*\\.sql$).*",
    schema,
    migrationsTable: "migrations",
    direction: "up",
    advisoryLockMode: "wait",
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  });
  return applied.length;
}

async function connect(url: string): Promise<Client> {
  const deadline = performance.now() + WAIT;
  for (;;) {
    const client = new DatabaseClient({ ...parseDatabaseUrl(url), connectionTimeoutMillis: 5_000 });
    try {
      return await client.connect();
    } catch (error) {
      if (performance.now() > deadline) {
        throw error;
      }
      await sleep(500);
    }
  }
}

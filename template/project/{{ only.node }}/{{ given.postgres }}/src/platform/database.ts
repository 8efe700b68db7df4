import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError, type Pool, type PoolClient } from "pg";
import type { App } from "./app.ts";
import { newPool, parseDatabaseUrl } from "./connection.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** The service's pool of connections; without DATABASE_URL, to use it answers 503. */
    pg: Pool;
  }
}

// Milliseconds, as the following. The server ends a statement after 10 s, by the setting of its role
// (deploy/database/roles.sh): one that is silent for longer is gone.
const SILENT_WITHIN = 12_000;
const CONNECT_WITHIN = 5_000;
const READY_WITHIN = 2_000;

/** PostgreSQL, by a pool that connects on demand: the service starts without waiting for it. */
export function addDatabase(app: App): void {
  const { DATABASE_URL, DATABASE_POOL_SIZE } = app.settings;
  if (!DATABASE_URL) {
    app.decorate("pg", { getter: noDatabase });
    return;
  }
  const config = parseDatabaseUrl(DATABASE_URL);
  const pool = newPool({
    ...config,
    max: DATABASE_POOL_SIZE,
    connectionTimeoutMillis: CONNECT_WITHIN,
    stream: impatientSocket,
  });
  // Readiness has a connection of its own: a service whose pool is busy is ready.
  const probe = newPool({ ...config, max: 1, connectionTimeoutMillis: READY_WITHIN, query_timeout: READY_WITHIN });
  for (const each of [pool, probe]) {
    // Without listeners, a server that hangs up would end the process. Whoever waits for a statement is told by its error.
    each.on("error", (error: Error) => app.log.warn({ error }, "database connection lost"));
    each.on("connect", (client) => client.on("error", () => undefined));
  }
  app.decorate("pg", pool);
  app.health.checks.database = () => probe.query("SELECT 1");
  app.addHook("onClose", async () => {
    // Closes the connections properly, but doesn't wait for a server that has stopped answering.
    await Promise.race([Promise.all([pool.end(), probe.end()]), sleep(500)]);
  });
}

/** Runs `work` in a transaction: committed when it returns, rolled back when it throws. */
export async function transaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

// Classes of SQLSTATE: no connection, no authorization, no resources, ended by the server (a statement's time is up).
const UNAVAILABLE_STATE = /^(08|28|53|57)/;
// What the driver says, which has no codes of its own.
const UNAVAILABLE =
  /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|no answer from the database)/;

/** Whether it was the database that had no time or no connection, and not the service's own fault. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseError) {
    return UNAVAILABLE_STATE.test(error.code ?? "");
  }
  return error instanceof Error && UNAVAILABLE.test(error.message);
}

function noDatabase(): never {
  throw Object.assign(new Error("DATABASE_URL is not set"), { statusCode: 503 });
}

/** Gives up on a server that has stopped answering, with whatever waits for it: a query, or the end of a transaction. */
function impatientSocket(): Socket {
  const socket = new Socket();
  const giveUp = () => socket.destroy(new Error("no answer from the database"));
  return socket.once("connect", () => socket.setTimeout(SILENT_WITHIN, giveUp));
}

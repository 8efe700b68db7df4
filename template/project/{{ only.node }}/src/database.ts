import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "pg";
import type { Logger } from "pino";

const ANSWER_WITHIN = 2_000; // milliseconds
// After query_timeout the driver gives the connection up, too. @types/pg doesn't know that a query can have its own.
const PING = { text: "SELECT 1", query_timeout: ANSWER_WITHIN };

/** PostgreSQL, by a pool that connects on demand: the service starts without waiting for it. */
export class Database {
  readonly pool: Pool;

  constructor(url: URL, password: string | undefined, log: Logger) {
    const withPassword = new URL(url);
    withPassword.password = encodeURIComponent(password ?? "");
    this.pool = new Pool({
      connectionString: withPassword.href,
      connectionTimeoutMillis: ANSWER_WITHIN,
      keepAlive: true,
      max: 10,
    });
    // Without a listener, a server that hangs up on an idle connection would end the process.
    this.pool.on("error", (error) => log.warn({ error }, "database connection lost"));
  }

  /** Rejects unless the database answers in time. */
  async check(): Promise<void> {
    await this.pool.query(PING);
  }

  /** Takes leave of the server, but doesn't wait for one that has stopped answering. */
  async close(): Promise<void> {
    await Promise.race([this.pool.end(), sleep(500)]);
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";

const ANSWER_WITHIN = 2_000; // milliseconds

/** Rejects unless the dependency answers. */
export type Check = () => Promise<unknown>;

/** The answer to `/readyz`. */
export interface Readiness {
  code: 200 | 503;
  body: { status: string; checks: Record<string, "ok" | "failed"> };
}

/** Knows whether the service is stopping, and whether its dependencies answer. */
export class Health {
  stopping = false;
  readonly #checks: Record<string, Check>;
  readonly #log: Logger;

  constructor(checks: Record<string, Check>, log: Logger) {
    this.#checks = checks;
    this.#log = log;
  }

  async readiness(): Promise<Readiness> {
    if (this.stopping) {
      return { code: 503, body: { status: "stopping", checks: {} } };
    }
    const checks = Object.fromEntries(
      await Promise.all(
        Object.entries(this.#checks).map(async ([name, check]) => [name, await this.#run(name, check)]),
      ),
    );
    if (Object.values(checks).includes("failed")) {
      return { code: 503, body: { status: "unavailable", checks } };
    }
    return { code: 200, body: { status: "ready", checks } };
  }

  async #run(name: string, check: Check): Promise<"ok" | "failed"> {
    try {
      await Promise.race([check(), timeout()]);
      return "ok";
    } catch (error) {
      this.#log.warn({ check: name, error }, "check failed");
      return "failed";
    }
  }
}

async function timeout(): Promise<never> {
  await sleep(ANSWER_WITHIN, undefined, { ref: false });
  throw new Error(`no answer within ${ANSWER_WITHIN} ms`);
}

import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "./app.ts";

declare module "fastify" {
  interface FastifyInstance {
    health: Health;
  }
}

const ANSWER_WITHIN = 2_000; // milliseconds

interface Health {
  /** SIGTERM has come. */
  stopping: boolean;
  /** One for each dependency: rejects unless it answers. */
  checks: Record<string, () => Promise<unknown>>;
}

/** Whether the process lives, and whether it is ready: its dependencies answer, and it isn't stopping. */
export function addHealth(app: App): void {
  const health: Health = { stopping: false, checks: {} };
  app.decorate("health", health);

  app.get("/healthz", { schema: { hide: true } }, async () => ({ status: "ok" }));

  app.get("/readyz", { schema: { hide: true } }, async (request, reply) => {
    if (health.stopping) {
      return reply.code(503).send({ status: "stopping", checks: {} });
    }
    const ask = async ([name, check]: [string, () => Promise<unknown>]) => {
      try {
        await Promise.race([check(), timeout()]);
        return [name, "ok"];
      } catch (error) {
        request.log.warn({ check: name, error }, "check failed");
        return [name, "failed"];
      }
    };
    const checks = Object.fromEntries(await Promise.all(Object.entries(health.checks).map(ask)));
    const ready = !Object.values(checks).includes("failed");
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "unavailable", checks });
  });
}

async function timeout(): Promise<never> {
  await sleep(ANSWER_WITHIN, undefined, { ref: false });
  throw new Error(`no answer within ${ANSWER_WITHIN} ms`);
}

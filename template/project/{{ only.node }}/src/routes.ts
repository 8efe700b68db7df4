import type { FastifyInstance } from "fastify";
import { NAME } from "./about.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

/** What the service answers. */
export function addRoutes(app: FastifyInstance, version: string, health: Health, metrics: Metrics): void {
  app.get("/", async () => ({ service: NAME, version }));

  app.get("/healthz", async () => ({ status: "ok" }));

  app.get("/readyz", async (_request, reply) => {
    const { code, body } = await health.readiness();
    return reply.code(code).send(body);
  });

  app.get("/metrics", async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}

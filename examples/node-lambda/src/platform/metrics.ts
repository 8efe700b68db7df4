import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { App } from "./app.ts";
import { lines } from "./logs.ts";

declare module "fastify" {
  interface FastifyInstance {
    metrics: Metrics;
  }
}

const labelNames = ["method", "route", "status"] as const;

interface Metrics {
  /** For metrics of the service's own: `registers: [app.metrics.registry]`. */
  registry: Registry;
  count(labels: Record<(typeof labelNames)[number], string | number>, seconds: number): void;
}

/** Prometheus metrics: the HTTP server's, and prom-client's own of the process, the heap and the event loop. */
export function addMetrics(app: App): void {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(lines);
  const requests = new Counter({
    name: "http_requests_total",
    help: "HTTP requests, by method, route and status.",
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time taken to answer an HTTP request.",
    labelNames,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const build = new Gauge({ name: "build_info", help: "The version that runs.", labelNames: ["version"], registers });
  build.set({ version: app.settings.VERSION }, 1);
  app.decorate("metrics", {
    registry,
    count(labels, seconds) {
      requests.inc(labels);
      duration.observe(labels, seconds);
    },
  });
  app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
    reply.type(registry.contentType);
    return registry.metrics();
  });
}

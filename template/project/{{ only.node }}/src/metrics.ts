import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

const labelNames = ["method", "route", "status"] as const;

/** Prometheus metrics: the HTTP server's, and prom-client's own of the process, the heap and the event loop. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: "http_requests_total",
    help: "HTTP requests, by method, route and status.",
    labelNames,
    registers: [this.registry],
  });
  readonly #duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time taken to answer an HTTP request.",
    labelNames,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  count(method: string, route: string, status: number, seconds: number): void {
    this.#requests.inc({ method, route, status });
    this.#duration.observe({ method, route, status }, seconds);
  }
}

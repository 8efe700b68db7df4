import { createRequire, syncBuiltinESMExports } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { PgInstrumentation } from "@opentelemetry/instrumentation-pg";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { NodeSDK } from "@opentelemetry/sdk-node";
import type { Logger } from "pino";
import { NAME } from "./about.ts";
import { PROBES } from "./probes.ts";

/** What the rest of the service sees of OpenTelemetry. */
export interface Traces {
  /** Goes into each line that is logged for the request. */
  ids(): { trace_id?: string };
  /** Names the request's span by its route. */
  name(method: string, route: string | undefined): void;
  /** Sends what is left, in two seconds or not at all. */
  stop(): Promise<void>;
}

/** Watches requests, statements and calls of other services. OpenTelemetry's own variables say where to and how much. */
export function startTraces(receiver: string, log: Logger): Traces {
  setGlobalErrorHandler((error) => log.warn({ error }, "traces not sent"));
  const { env } = process;
  env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver; // it may have come as a file
  env.OTEL_SERVICE_NAME ||= NAME;
  env.OTEL_METRICS_EXPORTER ||= "none"; // they are at /metrics
  env.OTEL_LOGS_EXPORTER ||= "none"; // they are on stdout
  const sdk = new NodeSDK({
    instrumentations: [
      new HttpInstrumentation({ ignoreIncomingRequestHook: ({ url }) => PROBES.has(url ?? "") }),
      new PgInstrumentation({ requireParentSpan: true }),
      new UndiciInstrumentation({ requireParentforSpans: true }),
    ],
  });
  sdk.start();
  // They take hold when a module is required; what is imported later is the same, changed module.
  const require = createRequire(import.meta.url);
  for (const name of ["node:http", "node:https", "pg"]) {
    require(name);
  }
  syncBuiltinESMExports();

  return {
    ids: () => {
      const traceId = trace.getActiveSpan()?.spanContext().traceId;
      return traceId ? { trace_id: traceId } : {};
    },
    name: (method, route) => {
      if (route) {
        trace.getActiveSpan()?.updateName(`${method} ${route}`).setAttribute("http.route", route);
      }
    },
    stop: async () => {
      await Promise.race([sdk.shutdown().catch(() => undefined), sleep(2_000)]);
    },
  };
}

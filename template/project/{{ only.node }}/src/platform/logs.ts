import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";
import { Counter } from "prom-client";

/** Every line of the process; `addMetrics` registers it. */
export const lines = new Counter({
  name: "log_lines_total",
  help: "Log lines, by level.",
  labelNames: ["level"],
  registers: [],
});
for (const level of ["debug", "info", "warn", "error"]) {
  lines.inc({ level }, 0); // so that it is 0, not missing, before the first one
}

/** Logs for machines: one JSON object a line, on stdout. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(1)): Logger {
  return pino(
    {
      level,
      base: null, // neither pid nor hostname: the platform adds the container's name
      messageKey: "message",
      errorKey: "error",
      timestamp: stdTimeFunctions.isoTime,
      mixin: (_fields, level) => {
        lines.inc({ level: pino.levels.labels[level] ?? "other" });
        return {};
      },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => ("err" in fields ? { ...fields, err: undefined, error: fields.err } : fields), // Fastify's name
      },
      serializers: { error: describe },
    },
    destination,
  );
}

/** An error as one text: its message, its stack, and those of its causes. */
function describe(error: unknown): string {
  return error instanceof Error ? stdSerializers.err(error).stack : String(error);
}

/** Logs what Node.js itself would print on stderr as plain text: warnings, and the error that ends the process. */
export function captureProcess(log: Logger): void {
  process.removeAllListeners("warning");
  process.on("warning", (error) => log.warn({ error }, "warning"));
  process.on("uncaughtException", (error) => {
    log.error({ error }, "uncaught exception");
    process.exit(1);
  });
}

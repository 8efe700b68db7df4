import type { FastifyInstance } from "fastify";
import { onTestFinished } from "vitest";
import { createApp } from "../src/app.ts";
import { type Check, Health } from "../src/health.ts";
import { createLogger } from "../src/logs.ts";
import type { LogLevel } from "../src/settings.ts";

type Line = Record<string, unknown>;

/** The application, its health, and the lines that it has logged. */
export function makeApp(checks: Record<string, Check> = {}, level: LogLevel = "info") {
  const lines: Line[] = [];
  const log = createLogger(level, { write: (line) => lines.push(JSON.parse(line) as Line) });
  const health = new Health(checks, log);
  const app: FastifyInstance = createApp("dev", health, log);
  onTestFinished(() => app.close());
  return { app, health, lines };
}

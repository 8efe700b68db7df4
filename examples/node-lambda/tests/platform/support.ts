import { onTestFinished } from "vitest";
import { type App, createApp } from "../../src/platform/app.ts";
import { createLogger } from "../../src/platform/logs.ts";
import { readSettings, type Settings } from "../../src/platform/settings.ts";
import service from "../../src/service.ts";

interface Options {
  level?: string;
  settings?: Partial<Settings>;
  routes?: (app: App) => void;
}

type Line = Record<string, unknown>;

/** The service, perhaps with more routes, without a database unless the settings have one; and the lines that it has logged. */
export async function makeApp(options: Options = {}): Promise<{ app: App; lines: Line[] }> {
  const lines: Line[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Line);
  const settings = { ...readSettings(), DATABASE_URL: "", ...options.settings };
  const app = createApp(settings, createLogger(options.level ?? "info", { write }));
  app.register(service);
  options.routes?.(app);
  await app.ready();
  onTestFinished(() => app.close());
  return { app, lines };
}

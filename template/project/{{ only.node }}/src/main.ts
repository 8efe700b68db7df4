import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { createApp } from "./app.ts";
import { Database } from "./database.ts";
import { SettingsError } from "./environment.ts";
import { Health } from "./health.ts";
import { captureProcess, createLogger } from "./logs.ts";
import { loadSettings, type Settings } from "./settings.ts";
import { stopOnSignal } from "./stop.ts";

async function start(settings: Settings, log: Logger): Promise<void> {
  const { databaseUrl, databasePassword, port, version } = settings;
  const database = databaseUrl && new Database(databaseUrl, databasePassword, log);
  const health = new Health(database ? { database: () => database.check() } : {}, log);
  const app = createApp(version, health, log);
  app.addHook("onClose", async () => database?.close());
  stopOnSignal(app, health, log);

  log.info({ port, version }, "starting");
  await listen(app, port, log);
}

/** Fastify logs the address of each network interface, which says nothing that `starting` doesn't. */
async function listen(app: FastifyInstance, port: number, log: Logger): Promise<void> {
  const { level } = log;
  log.level = "error";
  await app.listen({ host: "0.0.0.0", port });
  log.level = level;
}

const log = createLogger("info");
captureProcess(log);
try {
  const settings = loadSettings();
  log.level = settings.logLevel;
  await start(settings, log);
} catch (error) {
  if (error instanceof SettingsError) {
    log.error({ error: error.message }, "bad settings");
  } else {
    log.error({ error }, "start failed");
  }
  process.exit(1);
}

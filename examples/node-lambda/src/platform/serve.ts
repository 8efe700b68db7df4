import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { Logger } from "pino";
import { readSettings } from "./settings.ts";
import { stopOnSignal } from "./stop.ts";

/** Starts the service; returns when it listens. */
export async function serve(log: Logger): Promise<void> {
  const settings = readSettings();
  log.level = settings.LOG_LEVEL;

  // OpenTelemetry has to be there before the libraries that it watches, and costs nothing where it isn't wanted.
  const { OTEL_EXPORTER_OTLP_ENDPOINT: receiver } = settings;
  const traces = receiver ? (await import("./traces.ts")).startTraces(receiver, log) : undefined;
  const { createApp } = await import("./app.ts");
  const { default: service } = await import("../service.ts");

  const app = createApp(settings, log, traces);
  app.addHook("onClose", async () => traces?.stop());
  await app.register(service);
  await app.ready();
  await setImmediate(); // loading modules leaves Node.js no time to hear a signal: this does
  stopOnSignal(app, log);

  log.info({ port: settings.PORT, version: settings.VERSION }, "starting");
  // Without a host Node.js listens on IPv6 and IPv4, and on IPv4 alone where there is no IPv6.
  app.server.listen(settings.PORT);
  await once(app.server, "listening");
}

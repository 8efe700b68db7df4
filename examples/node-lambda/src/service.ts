import { NAME } from "./platform/about.ts";
import type { App } from "./platform/app.ts";

/** What this service does: its routes, and what they need. */
export default async function service(app: App): Promise<void> {
  // For a dependency of yours, so that readiness asks it too: app.health.checks.cache = () => cache.ping();

  app.get("/", async () => ({ service: NAME, version: app.settings.VERSION }));
  app.register(import("./items/routes.ts"));
}

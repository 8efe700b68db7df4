/** Asks the service whether it lives: exit code 0 or 1. The image's HEALTHCHECK runs it. */

import { get } from "node:http";
import { DEFAULT_PORT } from "./about.ts";
import { read } from "./environment.ts";

get({ host: "127.0.0.1", port: read("PORT") ?? DEFAULT_PORT, path: "/healthz", timeout: 2_000 })
  .on("response", (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))
  .on("timeout", () => process.exit(1))
  .on("error", () => process.exit(1));

/** Asks the service whether it lives: exit code 0 or 1. The image's HEALTHCHECK runs it. */

import { get } from "node:http";
import { networkInterfaces } from "node:os";
import { DEFAULT_PORT } from "./about.ts";
import { read } from "./environment.ts";

const loopback = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
const host = loopback.some(({ address }) => address === "::1") ? "::1" : "127.0.0.1";

get({ host, port: read("PORT") ?? DEFAULT_PORT, path: "/healthz", timeout: 8_000 })
  .on("response", (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))
  .on("timeout", () => process.exit(1))
  .on("error", () => process.exit(1));

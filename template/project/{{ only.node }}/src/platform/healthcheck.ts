/** Asks the service whether it is alive: exit code 0 or 1. The image's HEALTHCHECK runs it. */

import { get } from "node:http";
import { DEFAULT_PORT } from "./about.ts";
import { read } from "./environment.ts";

const NO_IPV6 = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL", "ENETUNREACH"]);
const port = read("PORT") ?? DEFAULT_PORT;

function ask(host: string): void {
  get({ host, port, path: "/healthz", timeout: 8_000 })
    .on("response", (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))
    .on("timeout", () => process.exit(1))
    .on("error", ({ code = "" }: NodeJS.ErrnoException) => {
      if (host !== "::1" || !NO_IPV6.has(code)) {
        process.exit(1);
      }
      ask("127.0.0.1");
    });
}

ask("::1");

/** Where the process starts. Everything else is loaded from here, after the first statements. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";

// Process 1 of a container ignores a signal that nothing listens for. From `starting` on, the stop is graceful.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  const number = constants.signals[signal];
  if (process.pid === 1 && !catches(number)) {
    process.exit(128 + number);
  }
  process.on(signal, () => process.exit(128 + number));
}

/**
 * Whether the process catches a signal now.
 *
 * Before it loads a script Node.js does, once, to end by it: which process 1 can't. So what is caught no more has come already.
 */
function catches(signal: number): boolean {
  const [, mask] = /^SigCgt:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  return mask === undefined || ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

const { captureProcess, createLogger } = await import("./logs.ts");
const { SettingsError } = await import("./environment.ts");

const log = createLogger("info");
captureProcess(log);
const command = process.argv.slice(2).join(" ");
try {
  if (command === "") {
    const { serve } = await import("./serve.ts");
    await serve(log);
  } else if (command === "migrate") {
    const { migrate } = await import("./migrate.ts");
    await migrate(log);
  } else {
    log.error({ error: "expected migrate, or no argument" }, "bad arguments");
    process.exit(2);
  }
} catch (error) {
  if (error instanceof SettingsError) {
    log.error({ error: error.message }, "bad settings");
  } else {
    log.error({ error }, command === "migrate" ? "migration failed" : "start failed");
  }
  process.exit(1);
}

export {};

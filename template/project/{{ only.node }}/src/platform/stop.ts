import type { Server } from "node:http";
import { Server as Listener, type Socket } from "node:net";
import type { Logger } from "pino";
import type { App } from "./app.ts";

const SETTLE = 100; // milliseconds, for requests that are on their way
const DRAIN = 25_000; // less than the 30 s that Docker and Kubernetes wait before they kill

/** From now on, SIGTERM or SIGINT takes no more work, finishes what runs, and ends the process with 0. */
export function stopOnSignal(app: App, log: Logger): void {
  const { server, health } = app;
  const closeIdle = trackIdle(server);

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (health.stopping) {
      return;
    }
    // From here on readiness fails, and each answer asks its client to connect again, elsewhere.
    health.stopping = true;
    log.info({ signal }, "stopping");
    setTimeout(() => {
      log.warn("requests cut off");
      process.exit(0);
    }, DRAIN);

    const closed = closeListener(server);
    setInterval(closeIdle, SETTLE);
    await closed; // with the last connection
    await app.close();
    log.info("stopped");
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const early = process.listeners(signal);
    process.on(signal, stop); // before the others go: where nobody listens, a signal on its way is dropped
    for (const listener of early) {
      process.off(signal, listener);
    }
  }
}

/** What close() of an HTTP server adds comes too soon: it resets connections whose next request hasn't been read yet. */
function closeListener(server: Server): Promise<unknown> {
  return new Promise((resolve) => Listener.prototype.close.call(server, resolve));
}

/**
 * Closes connections without a request that runs.
 *
 * Node.js' own closeIdleConnections() waits for those that never sent a request, as load balancers and browsers keep some in
 * stock, and for those that have sent half a header.
 */
function trackIdle(server: Server): () => void {
  const running = new Map<Socket, number>();
  server.on("connection", (socket) => {
    running.set(socket, 0);
    socket.once("close", () => running.delete(socket));
  });
  server.on("request", ({ socket }, response) => {
    running.set(socket, (running.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const left = (running.get(socket) ?? 0) - 1;
      if (!socket.destroyed) {
        running.set(socket, left);
      }
    });
  });
  return () => {
    for (const [socket, requests] of running) {
      if (requests === 0) {
        socket.destroySoon();
      }
    }
  };
}

import type { Server } from "node:http";
import { Server as Listener, type Socket } from "node:net";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Health } from "./health.ts";

const SETTLE = 100; // milliseconds, for requests that are on their way
const DRAIN = 25_000; // less than the 30 s that Docker and Kubernetes wait before they kill

/** On SIGTERM or SIGINT: takes no more work, finishes what runs, and ends the process with 0. */
export function stopOnSignal(app: FastifyInstance, health: Health, log: FastifyBaseLogger): void {
  const { server } = app;
  const closeUnused = trackUnused(server);

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (health.stopping) {
      return;
    }
    // From here on readiness fails, and each answer asks its client to connect anew, elsewhere.
    health.stopping = true;
    log.info({ signal }, "stopping");
    setTimeout(() => {
      log.warn("requests cut off");
      process.exit(0);
    }, DRAIN);

    const closed = closeListener(server);
    setInterval(() => {
      server.closeIdleConnections();
      closeUnused();
    }, SETTLE);
    await closed; // with the last connection
    await app.close();
    log.info("stopped");
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** What close() of an HTTP server adds comes too soon: it resets connections whose next request hasn't been read yet. */
function closeListener(server: Server): Promise<unknown> {
  return new Promise((resolve) => Listener.prototype.close.call(server, resolve));
}

/**
 * Closes connections that never sent a request, as load balancers and browsers keep some in stock.
 *
 * Node.js 24 doesn't count them as idle, and would wait for them.
 */
function trackUnused(server: Server): () => void {
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", (request) => unused.delete(request.socket));
  return () => {
    for (const socket of unused) {
      socket.destroy();
    }
  };
}

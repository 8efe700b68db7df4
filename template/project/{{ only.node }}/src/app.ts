import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import type { Health } from "./health.ts";
import { Metrics } from "./metrics.ts";
import { newRequestId, record, requestId } from "./observe.ts";
import { badPath, failed, notFound, refuse, unreadable } from "./refusals.ts";
import { addRoutes } from "./routes.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What made this request end with 500. */
    failure: unknown;
  }
}

/** The application: its routes, and what happens around each of them. */
export function createApp(version: string, health: Health, log: FastifyBaseLogger): FastifyInstance {
  const metrics = new Metrics();

  const app = fastify({
    loggerInstance: log,
    // One line for each request, by record(), instead of Fastify's two.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    genReqId: requestId,
    requestTimeout: 60_000, // a client that never finishes its request must not hold the connection for ever
    return503OnClosing: false, // a request that still gets in while the service stops is answered as any other
    frameworkErrors: (_error, request, reply) => badPath(request, reply, metrics),
    clientErrorHandler: (error, socket) => {
      if (error.code === "ECONNRESET" || !socket.writable) {
        socket.destroy();
      } else {
        refuseAndRecord(socket, "OTHER", unreadable(error), newRequestId());
      }
    },
  });
  app.server.on("connect", (request: IncomingMessage, socket: Socket) => {
    refuseAndRecord(socket, "CONNECT", 404, requestId(request));
  });

  function refuseAndRecord(socket: Socket, method: string, status: number, id: string): void {
    refuse(socket, status, id);
    record({ method, route: undefined, status, milliseconds: 0 }, metrics, log.child({ request_id: id }));
  }

  app.decorateRequest("failure", undefined);
  app.setNotFoundHandler(notFound);
  app.setErrorHandler(failed);

  app.addHook("onRequest", async (request, reply) => {
    reply.header("X-Request-ID", request.id);
  });
  app.addHook("onSend", async (_request, reply) => {
    if (health.stopping) {
      reply.header("Connection", "close");
    }
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, routeOptions, failure } = request;
    const { statusCode: status, elapsedTime: milliseconds } = reply;
    record({ method, route: routeOptions.url, status, milliseconds, failure }, metrics, request.log);
  });

  addRoutes(app, version, health, metrics);
  return app;
}

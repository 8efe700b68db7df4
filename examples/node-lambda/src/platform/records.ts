import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { App } from "./app.ts";
import { PROBES } from "./probes.ts";
import type { Traces } from "./traces.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What made this request fail. */
    failure: unknown;
    /** It is counted and logged. */
    recorded: boolean;
  }
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/; // anything else could forge log fields
const PARSER_STATUS: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** The caller's id for the request where it is sound, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

/** One line for each request, by record(), instead of Fastify's two. */
export class Records extends LogController {
  constructor() {
    super({ disableRequestLogging: true, requestIdLogLabel: "request_id" });
  }

  /** The status has gone already, so the line alone can tell. A caller who hangs up is no failure. */
  override streamError(error: NodeJS.ErrnoException, request: FastifyRequest, reply: FastifyReply): void {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE" || !reply.raw.destroyed) {
      request.failure = error;
    }
  }

  override writeHeadError(error: Error, request: FastifyRequest): void {
    request.failure = error;
  }
}

/** Counts and logs each request when it is finished. */
export function addRecords(app: App, traces?: Traces): void {
  app.decorateRequest("failure", undefined);
  app.decorateRequest("recorded", false);

  app.addHook("onRequest", async (request, reply) => {
    reply.header("X-Request-ID", request.id);
    traces?.name(request.method, routeOf(request));
    // Comes alone where the answer was cut: by its stream, by its time limit, or by the caller.
    reply.raw.once("close", () => {
      request.failure ??= reply.raw.errored ?? undefined;
      record(request, reply);
    });
  });
  app.addHook("onSend", async (_request, reply) => {
    if (app.health.stopping) {
      reply.header("Connection", "close");
    }
  });
  app.addHook("onResponse", async (request, reply) => record(request, reply));

  // Fastify answers what the HTTP parser refuses, and what didn't come in time: there is no request to speak of.
  app.server.prependListener("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.destroyed && error.code !== "ECONNRESET" && error.code !== "EPIPE") {
      const status = PARSER_STATUS[error.code ?? ""] ?? 400;
      app.metrics.count({ method: "OTHER", route: "unmatched", status }, 0);
      app.log.warn({ status, error: error.message }, "bad request");
    }
  });
}

/** Counts and logs a finished request, by its route: paths can hold ids, and there is no end of them. */
export function record(request: FastifyRequest, reply: FastifyReply): void {
  if (request.recorded) {
    return;
  }
  request.recorded = true;
  const { server, failure } = request;
  const { statusCode: status, elapsedTime } = reply;
  const method = METHODS.has(request.method) ? request.method : "OTHER";
  const route = routeOf(request) ?? "unmatched";
  server.metrics.count({ method, route, status }, elapsedTime / 1_000);

  const failed = status >= 500 || failure !== undefined;
  const level = PROBES.has(route) ? "debug" : failed ? "error" : "info";
  const fields = { method, route, status, duration_ms: Math.round(elapsedTime * 1_000) / 1_000 };
  request.log[level](failure === undefined ? fields : { ...fields, error: failure }, "request");
}

/** The pattern that matched, `/items/:id` as `/items/{id}`: so it is called in services of other languages, too. */
function routeOf(request: FastifyRequest): string | undefined {
  return request.routeOptions.url?.replaceAll(/:(\w+)/g, "{$1}");
}

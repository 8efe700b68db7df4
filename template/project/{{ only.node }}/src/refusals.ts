import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Metrics } from "./metrics.ts";
import { record } from "./observe.ts";

const NOT_FOUND = { error: "not found" };

const UNREADABLE: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_METHOD: 404, // no route takes a method that nobody has heard of
};

/** Answers what no route takes. */
export function notFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(404).send(NOT_FOUND);
}

/** Answers for a route that threw. What is the caller's fault is told; anything else goes to the log alone. */
export function failed(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.is404) {
    return notFound(request, reply); // with a bad body, too
  }
  const status = error?.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return reply.code(status).send({ error: error.message });
  }
  request.failure = error;
  return reply.code(500).type("application/json").send({ error: "internal server error" });
}

/** Answers a path that can't be decoded. Fastify runs no hooks for it, so what they do is done here. */
export function badPath(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const finished = { method: request.method, route: undefined, status: 404, milliseconds: 0 };
  reply.raw.once("finish", () => record(finished, metrics, request.log));
  reply.header("X-Request-ID", request.id).code(404).send(NOT_FOUND);
}

/** The status for what the HTTP parser of Node.js can't read. */
export function unreadable(error: NodeJS.ErrnoException): number {
  return UNREADABLE[error.code ?? ""] ?? 400;
}

/** Answers on the bare socket, where Node.js has made no response for it, and hangs up. */
export function refuse(socket: Socket, status: number, id: string): void {
  const reason = STATUS_CODES[status] ?? "";
  const body = JSON.stringify({ error: reason.toLowerCase() });
  socket.write(
    `HTTP/1.1 ${status} ${reason}\r\n` +
      "Connection: close\r\n" +
      "Content-Type: application/json; charset=utf-8\r\n" +
      `Content-Length: ${body.length}\r\n` +
      `X-Request-ID: ${id}\r\n\r\n${body}`,
  );
  socket.destroySoon();
}

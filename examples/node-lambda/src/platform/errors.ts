import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { App } from "./app.ts";
import { isUnavailable } from "./database.ts";
import { record } from "./records.ts";

/** An error for the caller: `throw new Problem(409, "there is one of that name")`. From 500 up the text is for the log alone. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly statusCode: number;

  constructor(statusCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.statusCode = statusCode;
  }
}

/** Every error has one form: https://www.rfc-editor.org/rfc/rfc9457. What the caller sent is never in it. */
export function addErrors(app: App): void {
  app.setNotFoundHandler((_request, reply) => send(reply, 404));

  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (request.is404) {
      return send(reply, 404); // with a bad body, too
    }
    if (error?.validation) {
      return invalid(error, request, reply);
    }
    const status = statusOf(error, request);
    if (status === 413 || status === 415) {
      // Fastify would hang up at once: a caller that still sends would see a reset, not the answer. Node.js reads the rest away.
      reply.removeHeader("connection");
    }
    if (status < 500) {
      return send(reply, status, { detail: error.message });
    }
    request.failure = error;
    if (status === 503) {
      reply.header("Retry-After", "1");
    }
    return send(reply, status);
  });
}

/** Answers a path that can't be decoded. Fastify runs no hooks for it, so what they do is done here. */
export function badPath(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.raw.once("finish", () => record(request, reply));
  send(reply.header("X-Request-ID", request.id), 404);
}

function statusOf(error: FastifyError, request: FastifyRequest): number {
  if (error?.code === "FST_ERR_HANDLER_TIMEOUT" && !request.raw.complete) {
    return 408; // it was the body that took so long
  }
  if (isUnavailable(error)) {
    return 503;
  }
  const status = error?.statusCode ?? 500;
  return status >= 400 && status < 600 ? status : 500;
}

function invalid(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.validationContext === "body" && request.headers["content-type"] === undefined) {
    return send(reply, 415);
  }
  const errors = (error.validation ?? []).map(({ instancePath, params, message }) => {
    const missing = "missingProperty" in params ? `/${params.missingProperty}` : "";
    return { pointer: `#${instancePath}${missing}`, detail: message };
  });
  if (error.validationContext === "body") {
    return send(reply, 422, { errors: errors.slice(0, 100) });
  }
  const [first] = errors;
  return send(reply, 400, { detail: `${first?.pointer.slice(2)} ${first?.detail}` });
}

function send(reply: FastifyReply, status: number, more: { detail?: string; errors?: unknown[] } = {}): FastifyReply {
  const title = STATUS_CODES[status];
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ type: "about:blank", title, status, ...more });
}

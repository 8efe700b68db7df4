import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyBaseLogger } from "fastify";
import type { Metrics } from "./metrics.ts";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);
const PROBES = new Set(["/healthz", "/readyz", "/metrics"]); // asked every few seconds: not worth a line each
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/; // anything else could forge log fields

/** A request that is finished. */
export interface Finished {
  method: string;
  /** The pattern that matched; undefined where none did. */
  route: string | undefined;
  status: number;
  milliseconds: number;
  failure?: unknown;
}

export const newRequestId = (): string => randomUUID();

/** The caller's id for the request where it is sound, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : newRequestId();
}

/** Counts and logs a finished request, by its route: paths can hold ids, and there is no end of them. */
export function record(finished: Finished, metrics: Metrics, log: FastifyBaseLogger): void {
  const { status, milliseconds, failure } = finished;
  const method = METHODS.has(finished.method) ? finished.method : "OTHER";
  // `/things/:id` is `/things/{id}` in the metrics of a service in any other language.
  const route = finished.route?.replaceAll(/:(\w+)/g, "{$1}") ?? "unmatched";
  metrics.count(method, route, status, milliseconds / 1_000);

  const level = PROBES.has(route) ? "debug" : status >= 500 ? "error" : "info";
  const fields = { method, route, status, duration_ms: Math.round(milliseconds * 1_000) / 1_000 };
  log[level](failure === undefined ? fields : { ...fields, error: failure }, "request");
}

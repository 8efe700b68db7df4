/**
 * A POST or PATCH with `Idempotency-Key` is done once, however often it comes: who got no answer asks again.
 *
 * The header: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ ; the rest as at Stripe,
 * https://docs.stripe.com/api/idempotent_requests .
 */
import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { FastifyReply, FastifyRequest } from "fastify";
import { NAME } from "./about.ts";
import type { App } from "./app.ts";
import { Problem, sendProblem } from "./errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What the cache has of the request's key, while it is running. */
    claimed: Claimed | undefined;
  }
}

interface Claimed {
  name: string;
  mine: string;
  request: string;
}

interface Entry {
  request: string;
  running?: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

const METHODS = new Set(["POST", "PATCH"]);
const KEY = /^("?)([!#-[\]-~]{1,255})\1$/;
const RUNNING = 60; // seconds; more than a request may take: should the service die, so long is its key taken
const KEPT = 24 * 60 * 60; // seconds
const HEADERS = ["content-type", "etag", "link", "location"]; // of an answer, those that are kept

export function addIdempotency(app: App): void {
  app.decorateRequest("claimed", undefined);

  app.addHook("preParsing", async (request, reply, payload) => {
    const given = request.headers["idempotency-key"]; // two of them with a comma and a space between
    if (given === undefined || !METHODS.has(request.method) || request.is404) {
      return payload;
    }
    const [, , key] = KEY.exec(String(given)) ?? [];
    if (key === undefined) {
      throw new Problem(400, "Idempotency-Key: expected 1 to 255 visible ASCII characters, perhaps in quotes");
    }
    const body = await whole(payload, request.routeOptions.bodyLimit ?? 0, Number(request.headers["content-length"]));
    const claimed = claimOf(request, key, body);
    const found = await app.cache.claim(claimed.name, claimed.mine, RUNNING);
    if (found !== claimed.mine) {
      return again(JSON.parse(found), claimed, reply) as never; // answered
    }
    request.claimed = claimed;
    return Object.assign(Readable.from(body, { objectMode: false }), { receivedEncodedLength: body.length });
  });

  // The answer is held back until it is whole and kept; what has changed nothing is not kept, and may be tried again.
  app.addHook("onSend", async (request, reply, payload) => {
    const { claimed } = request;
    if (!claimed) {
      return payload;
    }
    request.claimed = undefined;
    const body = await bytes(payload);
    try {
      const { name, mine } = claimed;
      await app.cache.replace(name, mine, reply.statusCode < 400 ? entryOf(claimed, reply, body) : "", KEPT);
    } catch (error) {
      request.log.warn({ error }, "answer not kept");
    }
    return payload === null || payload === undefined ? payload : body;
  });
}

/** A key is one path's. With another query, body or caller it is another request, which gets nothing of this one. */
function claimOf(request: FastifyRequest, key: string, body: Buffer): Claimed {
  const [path = "", ...query] = request.url.split("?");
  const fingerprint = digest(query.join("?"), request.headers.authorization ?? "", body);
  return {
    name: `idempotency:${NAME}:${digest(request.method, path, key)}`,
    mine: JSON.stringify({ request: fingerprint, running: randomUUID() }),
    request: fingerprint,
  };
}

function again(found: Entry, { request }: Claimed, reply: FastifyReply): FastifyReply {
  if (found.request !== request) {
    const detail = "expected the request that this Idempotency-Key came with first";
    return sendProblem(reply, 422, { errors: [{ pointer: "#", detail }] });
  }
  if (found.running) {
    reply.header("Retry-After", "1");
    return sendProblem(reply, 409, { detail: "A request with this Idempotency-Key is still running." });
  }
  return reply
    .code(found.status)
    .headers({ ...found.headers, "Idempotent-Replayed": "true" })
    .send(Buffer.from(found.body, "base64"));
}

function entryOf({ request }: Claimed, reply: FastifyReply, body: Buffer): string {
  const headers: Entry["headers"] = {};
  for (const name of HEADERS) {
    const value = reply.getHeader(name);
    if (value !== undefined) {
      headers[name] = String(value);
    }
  }
  const entry: Entry = { request, status: reply.statusCode, headers, body: body.toString("base64") };
  return JSON.stringify(entry);
}

/** The body; a Problem where it is longer than the limit. The rest is read away, for a caller that still sends sees no answer. */
async function whole(payload: NodeJS.ReadableStream, limit: number, announced: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const add = (chunk: Buffer) => {
    length += chunk.length;
    if (length > limit) {
      refuse();
    } else {
      chunks.push(chunk);
    }
  };
  const refuse = () => {
    payload.removeListener("data", add);
    payload.resume();
    reject(new Problem(413, "The body is too large."));
  };
  payload.on("data", add);
  payload.once("end", () => resolve(Buffer.concat(chunks)));
  payload.once("error", reject);
  if (announced > limit) {
    refuse();
  }
  return promise;
}

async function bytes(payload: unknown): Promise<Buffer> {
  if (payload === null || payload === undefined) {
    return Buffer.alloc(0);
  }
  if (typeof payload === "string" || payload instanceof Uint8Array) {
    return Buffer.from(payload as string);
  }
  return buffer(payload as Readable);
}

/** SHA-256 of the parts, in which the border between two of them counts. */
function digest(...parts: (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(`${Buffer.byteLength(part)}:`).update(part);
  }
  return hash.digest("hex");
}

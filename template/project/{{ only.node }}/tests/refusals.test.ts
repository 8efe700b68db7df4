import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { makeApp } from "./support.ts";

/** Sends the bytes as they are: no HTTP client would. */
async function send(app: FastifyInstance, bytes: string): Promise<string> {
  await app.ready();
  app.server.listen(0, "127.0.0.1");
  await once(app.server, "listening");
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.write(bytes);
  return text(socket);
}

test.each([
  { method: "GET", url: "/nothing/here" },
  { method: "POST", url: "/" },
  { method: "GET", url: "/%zz" },
  { method: "POST", url: "/nothing", payload: "{", headers: { "content-type": "application/json" } },
  { method: "POST", url: "/nothing", payload: "<a/>", headers: { "content-type": "text/xml" } },
] as const)("$method $url is not found", async (request) => {
  const { app, lines } = makeApp();
  const answer = await app.inject(request);
  expect([answer.statusCode, answer.json()]).toEqual([404, { error: "not found" }]);
  expect(lines).toEqual([expect.objectContaining({ route: "unmatched", status: 404 })]);
  expect(answer.headers["x-request-id"]).toBe(lines[0]?.request_id);
});

test("a failure tells the log everything and the caller nothing", async () => {
  const { app, lines } = makeApp();
  app.get("/broken", async (_request, reply) => {
    reply.type("text/plain");
    throw new Error("the reason", { cause: new Error("the cause") });
  });
  const answer = await app.inject("/broken");
  expect([answer.statusCode, answer.json()]).toEqual([500, { error: "internal server error" }]);
  expect(answer.headers["x-request-id"]).toBe(lines[0]?.request_id);
  expect(lines).toEqual([
    expect.objectContaining({ level: "error", message: "request", route: "/broken", status: 500 }),
  ]);
  expect(lines[0]?.error).toMatch(/^Error: the reason\n +at .*refusals\.test\.ts.*Error: the cause/s);
});

test("what is the caller's fault is told", async () => {
  const { app } = makeApp();
  app.post("/things", async () => ({}));
  const answer = await app.inject({
    method: "POST",
    url: "/things",
    headers: { "content-type": "text/xml" },
    body: "<a/>",
  });
  expect([answer.statusCode, answer.json()]).toEqual([415, { error: expect.stringMatching("Media Type") }]);
});

test.each([
  ["BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 404, "OTHER"],
  ["CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 404, "CONNECT"],
  ["GET / HTTP/1.1\r\nHost a\r\n\r\n", 400, "OTHER"],
  [`GET / HTTP/1.1\r\nA: ${"a".repeat(20_000)}\r\n\r\n`, 431, "OTHER"],
])("%j is refused in JSON, and recorded", async (bytes, status, method) => {
  const { app, lines } = makeApp();
  const [head, body] = (await send(app, bytes)).split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(JSON.parse(body as string)).toEqual({ error: expect.any(String) });
  expect(lines).toEqual([expect.objectContaining({ level: "info", method, route: "unmatched", status })]);
  expect(head).toContain(`X-Request-ID: ${lines[0]?.request_id}`);
});

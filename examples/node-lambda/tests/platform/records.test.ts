import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { App } from "../../src/platform/app.ts";
import { makeApp } from "./support.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Sends the bytes as they are: no HTTP client would. */
async function send(app: App, bytes: string): Promise<string> {
  app.server.listen(0, "127.0.0.1");
  await once(app.server, "listening");
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.write(bytes);
  return text(socket);
}

test.each(["caller-1.a_B", "x".repeat(128)])("a sound request id is kept: %s", async (given) => {
  const { app } = await makeApp();
  const answer = await app.inject({ url: "/", headers: { "x-request-id": given } });
  expect(answer.headers["x-request-id"]).toBe(given);
});

test.each(["", "two words", 'a"b', "x".repeat(129)])("any other request id is replaced: %s", async (given) => {
  const { app } = await makeApp();
  const answer = await app.inject({ url: "/", headers: { "x-request-id": given } });
  expect(answer.headers["x-request-id"]).toMatch(UUID);
});

test("a request is one line with its fields, and what is logged meanwhile has its id", async () => {
  const { app, lines } = await makeApp({
    routes: (app) => {
      app.get("/hello", async (request) => {
        request.log.info("hello");
        return {};
      });
    },
  });
  await app.inject({ url: "/hello?secret=1", headers: { "x-request-id": "abc" } });
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(lines).toEqual([
    { time, level: "info", message: "hello", request_id: "abc" },
    {
      time,
      level: "info",
      message: "request",
      method: "GET",
      route: "/hello",
      status: 200,
      duration_ms: expect.any(Number),
      request_id: "abc",
    },
  ]);
});

test.each(["/healthz", "/readyz", "/metrics"])("%s is logged at debug", async (url) => {
  const quiet = await makeApp();
  await quiet.app.inject(url);
  expect(quiet.lines).toEqual([]);

  const { app, lines } = await makeApp({ level: "debug" });
  await app.inject(url);
  expect(lines).toEqual([expect.objectContaining({ level: "debug", message: "request", route: url })]);
});

test("requests are counted by the pattern of their route and one of nine methods, not by what was sent", async () => {
  const { app } = await makeApp({
    routes: (app) => {
      app.get("/things/:id", async () => ({}));
    },
  });
  await app.inject("/things/7");
  await app.inject("/nothing/here");
  await app.inject({ method: "PROPFIND" as "GET", url: "/" });
  const metrics = (await app.inject("/metrics")).body;
  expect(metrics).toContain('http_requests_total{method="GET",route="/things/{id}",status="200"} 1');
  expect(metrics).toContain('http_requests_total{method="GET",route="unmatched",status="404"} 1');
  expect(metrics).toContain('http_requests_total{method="OTHER",route="unmatched",status="404"} 1');
  expect(metrics).toContain('http_request_duration_seconds_bucket{le="0.005",method="GET",route="/things/{id}"');
  expect(metrics).not.toMatch(/things\/7|nothing|PROPFIND/);
});

test("a stream that fails halfway is an error, though its status has gone", async () => {
  const { app, lines } = await makeApp({
    routes: (app) => {
      app.get("/export", async (_request, reply) => {
        return reply.send(
          Readable.from(
            (async function* () {
              yield "first";
              throw new Error("the disk is gone");
            })(),
          ),
        );
      });
    },
  });
  await send(app, "GET /export HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(lines).toEqual([expect.objectContaining({ level: "error", message: "request", route: "/export" })]);
  expect(lines[0]?.error).toMatch("the disk is gone");
});

test.each([
  ["BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  [`GET / HTTP/1.1\r\nA: ${"a".repeat(20_000)}\r\n\r\n`, 431],
])("what the parser refuses is counted, and logged once", async (bytes, status) => {
  const { app, lines } = await makeApp();
  expect(await send(app, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(lines).toEqual([expect.objectContaining({ level: "warn", message: "bad request", status })]);
  const metrics = (await app.inject("/metrics")).body;
  expect(metrics).toContain(`http_requests_total{method="OTHER",route="unmatched",status="${status}"} 1`);
});

test("a request has its time, and then an answer", async () => {
  const { app, lines } = await makeApp({
    routes: (app) => {
      app.get("/slow", { handlerTimeout: 50 }, () => new Promise(() => {}));
    },
  });
  const answer = await send(app, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 503 /);
  expect(answer).toMatch(/^Retry-After: 1\r$/im);
  expect(lines).toEqual([expect.objectContaining({ level: "error", route: "/slow", status: 503 })]);
});

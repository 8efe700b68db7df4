import { expect, test } from "vitest";
import { makeApp } from "./support.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test.each(["caller-1.a_B", "x".repeat(128)])("a sound request id is kept: %s", async (given) => {
  const { app } = makeApp();
  const answer = await app.inject({ url: "/", headers: { "x-request-id": given } });
  expect(answer.headers["x-request-id"]).toBe(given);
});

test.each(["", "two words", 'a"b', "x".repeat(129)])("any other request id is replaced: %s", async (given) => {
  const { app } = makeApp();
  const answer = await app.inject({ url: "/", headers: { "x-request-id": given } });
  expect(answer.headers["x-request-id"]).toMatch(UUID);
});

test("a request is one line with its fields", async () => {
  const { app, lines } = makeApp();
  await app.inject({ url: "/?secret=1", headers: { "x-request-id": "abc" } });
  expect(lines).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: "info",
      message: "request",
      method: "GET",
      route: "/",
      status: 200,
      duration_ms: expect.any(Number),
      request_id: "abc",
    },
  ]);
});

test.each(["/healthz", "/readyz", "/metrics"])("%s is logged at debug", async (url) => {
  const quiet = makeApp();
  await quiet.app.inject(url);
  expect(quiet.lines).toEqual([]);

  const { app, lines } = makeApp({}, "debug");
  await app.inject(url);
  expect(lines).toEqual([expect.objectContaining({ level: "debug", message: "request", route: url })]);
});

test("requests are counted by the pattern of their route, not by their path", async () => {
  const { app } = makeApp();
  app.get("/things/:id", async () => ({}));
  await app.inject("/things/7");
  await app.inject("/nothing/here");
  const metrics = (await app.inject("/metrics")).body;
  expect(metrics).toContain('http_requests_total{method="GET",route="/things/{id}",status="200"} 1');
  expect(metrics).toContain('http_requests_total{method="GET",route="unmatched",status="404"} 1');
  expect(metrics).toContain('http_request_duration_seconds_bucket{le="0.005",method="GET",route="/things/{id}"');
  expect(metrics).not.toMatch(/things\/7|nothing/);
});

test("a method that isn't one of the nine counts as OTHER", async () => {
  const { app } = makeApp();
  await app.inject({ method: "PROPFIND" as "GET", url: "/" });
  const metrics = (await app.inject("/metrics")).body;
  expect(metrics).toContain('http_requests_total{method="OTHER",route="unmatched",status="404"} 1');
});

import { expect, test } from "vitest";
import { makeApp } from "./support.ts";

test("HEAD is answered where GET is", async () => {
  const { app } = await makeApp();
  for (const url of ["/", "/healthz", "/readyz", "/metrics", "/openapi.json"]) {
    const answer = await app.inject({ method: "HEAD", url });
    expect([answer.statusCode, answer.body]).toEqual([200, ""]);
  }
});

test("without dependencies it is ready", async () => {
  const { app } = await makeApp();
  const answer = await app.inject("/readyz");
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: "ready", checks: {} }]);
});

test("a failed check makes it unready, but not dead, and only the log knows why", async () => {
  const { app, lines } = await makeApp();
  app.health.checks.cache = async () => {};
  app.health.checks.queue = async () => {
    throw new Error("no route to queue.internal");
  };
  const answer = await app.inject("/readyz");
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toEqual({ status: "unavailable", checks: { cache: "ok", queue: "failed" } });
  expect(lines).toEqual([expect.objectContaining({ level: "warn", message: "check failed", check: "queue" })]);
  expect(lines[0]?.error).toMatch("no route to queue.internal");
  expect((await app.inject("/healthz")).json()).toEqual({ status: "ok" });
});

test("a check that never answers fails after two seconds", async () => {
  const { app, lines } = await makeApp();
  app.health.checks.cache = () => new Promise(() => {});
  const start = performance.now();
  const answer = await app.inject("/readyz");
  expect(performance.now() - start).toBeLessThan(2_500);
  expect(answer.json()).toEqual({ status: "unavailable", checks: { cache: "failed" } });
  expect(lines[0]?.error).toMatch("no answer within 2000 ms");
});

test("while it stops it is unready, and asks its callers to go elsewhere", async () => {
  const { app } = await makeApp();
  app.health.stopping = true;
  const answer = await app.inject("/readyz");
  expect([answer.statusCode, answer.json()]).toEqual([503, { status: "stopping", checks: {} }]);
  expect(answer.headers.connection).toBe("close");
});

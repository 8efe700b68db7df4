import { expect, test } from "vitest";
import { NAME } from "../src/about.ts";
import { makeApp } from "./support.ts";

test("it says who it is", async () => {
  const { app } = makeApp();
  const answer = await app.inject("/");
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ service: NAME, version: "dev" });
});

test("HEAD is answered where GET is", async () => {
  const { app } = makeApp();
  for (const url of ["/", "/healthz", "/readyz", "/metrics"]) {
    const answer = await app.inject({ method: "HEAD", url });
    expect([answer.statusCode, answer.body]).toEqual([200, ""]);
  }
});

test("without dependencies it is ready", async () => {
  const { app } = makeApp();
  const answer = await app.inject("/readyz");
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ status: "ready", checks: {} });
});

test("a failed check makes it unready, but not dead, and only the log knows why", async () => {
  const { app, lines } = makeApp({
    cache: async () => {},
    database: async () => {
      throw new Error("no route to db.internal");
    },
  });
  const answer = await app.inject("/readyz");
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toEqual({ status: "unavailable", checks: { cache: "ok", database: "failed" } });
  expect(lines).toEqual([expect.objectContaining({ level: "warn", message: "check failed", check: "database" })]);
  expect(lines[0]?.error).toMatch("no route to db.internal");
  expect((await app.inject("/healthz")).json()).toEqual({ status: "ok" });
});

test("a check that never answers fails after two seconds", async () => {
  const { app, lines } = makeApp({ database: () => new Promise(() => {}) });
  const start = performance.now();
  const answer = await app.inject("/readyz");
  expect(performance.now() - start).toBeLessThan(2_500);
  expect(answer.json()).toEqual({ status: "unavailable", checks: { database: "failed" } });
  expect(lines[0]?.error).toMatch("no answer within 2000 ms");
});

test("while it stops it is unready, and asks its callers to go elsewhere", async () => {
  const { app, health } = makeApp({ database: async () => {} });
  health.stopping = true;
  const answer = await app.inject("/readyz");
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toEqual({ status: "stopping", checks: {} });
  expect(answer.headers.connection).toBe("close");
});

import { expect, test } from "vitest";
import { parseCacheUrl } from "../../src/platform/cache.ts";
import { makeApp } from "./support.ts";

test("an address is read", () => {
  const address = parseCacheUrl("rediss://o%40k@cache.internal/3");
  expect(address).toMatchObject({ host: "cache.internal", port: 6379, user: "o@k", number: 3 });
  expect(address.tls).toBeDefined();
  expect(parseCacheUrl("valkey://cache").tls).toBeUndefined();
});

test.each([
  ["http://cache:6379", "redis://"],
  ["redis://", "redis://"],
  ["redis://cache/s3cret", "redis://"],
  ["redis://cache:s3cret", "redis://"],
  ["redis://app:s3cret@cache", "CACHE_PASSWORD_FILE"],
  ["redis://cache?password=s3cret", "CACHE_PASSWORD_FILE"],
  ["redis://cache?protocol=s3cret", "no parameter but"],
  ["redis://cache?sslrootcert=/s3cret", "with rediss"],
  ["rediss://cache?sslrootcert=/s3cret", "PEM"],
])("%s is refused without a word of it", (url, expected) => {
  expect(() => parseCacheUrl(url)).toThrow(expected);
  expect(() => parseCacheUrl(url)).not.toThrow("s3cret");
});

test.each(["", "two words", '"half', "é", "x".repeat(256)])("the key %j is refused", async (key) => {
  const { app } = await makeApp();
  const answer = await app.inject({ method: "POST", url: "/items", body: {}, headers: { "Idempotency-Key": key } });
  expect(answer.statusCode).toBe(400);
});

test("without a cache a key is not passed over", async () => {
  const { app, lines } = await makeApp();
  const headers = { "Idempotency-Key": "1" };
  const answer = await app.inject({ method: "POST", url: "/items", body: {}, headers });
  expect(answer.statusCode).toBe(503);
  expect(answer.headers["retry-after"]).toBe("1");
  expect(lines.at(-1)).toMatchObject({ level: "error", error: expect.stringContaining("CACHE_URL is not set") });
  expect((await app.inject({ method: "POST", url: "/items", body: {} })).statusCode).toBe(422);
  expect((await app.inject({ method: "POST", url: "/nothing", body: {}, headers })).statusCode).toBe(404);
});

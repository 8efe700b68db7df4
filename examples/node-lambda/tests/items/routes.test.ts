import { expect, test } from "vitest";
import { makeApp } from "../platform/support.ts";

test.each([
  [{}, ["#/name", "#/quantity"]],
  [{ name: "", quantity: 1 }, ["#/name"]],
  [{ name: "🐙".repeat(101), quantity: 1 }, ["#/name"]],
  [{ name: "a\u0000b", quantity: 1 }, ["#/name"]],
  [{ name: "\ud800", quantity: 1 }, ["#/name"]],
  [{ name: 7, quantity: 1 }, ["#/name"]],
  [{ name: "a", quantity: "1" }, ["#/quantity"]],
  [{ name: "a", quantity: 1.5 }, ["#/quantity"]],
  [{ name: "a", quantity: true }, ["#/quantity"]],
  [{ name: "a", quantity: -1 }, ["#/quantity"]],
  [{ name: "a", quantity: 1_000_001 }, ["#/quantity"]],
])("%j is no item", async (payload, pointers) => {
  const { app } = await makeApp();
  const answer = await app.inject({ method: "POST", url: "/items", payload });
  expect(answer.statusCode).toBe(422);
  expect(answer.json().errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
});

test.each([
  "limit=0",
  "limit=101",
  "limit=x",
  "limit=",
  "cursor=0",
  "cursor=x",
  "cursor=9223372036854775808",
  "cursor=%00",
])("?%s is no page", async (query) => {
  const { app } = await makeApp();
  expect((await app.inject(`/items?${query}`)).statusCode).toBe(400);
});

test.each(["0", "-1", "x", "1.5", "9223372036854775808", "%00", "1".repeat(200)])(
  "there can't be an item %s",
  async (id) => {
    const { app } = await makeApp();
    expect((await app.inject(`/items/${id}`)).statusCode).toBe(404);
  },
);

test("without a database it has no time", async () => {
  const { app, lines } = await makeApp();
  const answer = await app.inject("/items");
  expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
  expect(lines).toEqual([expect.objectContaining({ level: "error", error: expect.stringMatching("DATABASE_URL") })]);
});

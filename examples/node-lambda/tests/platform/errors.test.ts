import { expect, test } from "vitest";
import type { App } from "../../src/platform/app.ts";
import { Problem } from "../../src/platform/errors.ts";
import { makeApp } from "./support.ts";

const NOT_FOUND = { type: "about:blank", title: "Not Found", status: 404 };
const json = { "content-type": "application/json" };

const THING = { type: "object", properties: { size: { type: "integer" } }, required: ["size"] } as const;
const things = (app: App) => {
  app.post("/things", { schema: { body: THING } }, async () => ({}));
  app.get("/things", { schema: { querystring: THING } }, async () => ({}));
};

test.each([
  { method: "GET", url: "/nothing/here" },
  { method: "POST", url: "/" },
  { method: "GET", url: "/healthz/" },
  { method: "GET", url: "/%zz" },
  { method: "POST", url: "/nothing", payload: "{", headers: json },
  { method: "POST", url: "/nothing", payload: "<a/>", headers: { "content-type": "text/xml" } },
] as const)("$method $url is not found", async (request) => {
  const { app, lines } = await makeApp();
  const answer = await app.inject(request);
  expect([answer.statusCode, answer.json()]).toEqual([404, NOT_FOUND]);
  expect(answer.headers["content-type"]).toMatch("application/problem+json");
  expect(lines).toEqual([expect.objectContaining({ route: "unmatched", status: 404 })]);
  expect(answer.headers["x-request-id"]).toBe(lines[0]?.request_id);
});

test("a failure tells the log everything and the caller nothing", async () => {
  const { app, lines } = await makeApp({
    routes: (app) => {
      app.get("/broken", async (_request, reply) => {
        reply.type("text/plain");
        throw new Error("the reason", { cause: new Error("the cause") });
      });
    },
  });
  const answer = await app.inject("/broken");
  expect(answer.json()).toEqual({ type: "about:blank", title: "Internal Server Error", status: 500 });
  expect(answer.headers["x-request-id"]).toBe(lines[0]?.request_id);
  expect(lines).toEqual([
    expect.objectContaining({ level: "error", message: "request", route: "/broken", status: 500 }),
  ]);
  expect(lines[0]?.error).toMatch(/^Error: the reason\n +at .*errors\.test\.ts.*Error: the cause/s);
});

test("an error of the service's own keeps its status, and its text letter by letter", async () => {
  const { app } = await makeApp({
    routes: (app) => {
      app.get("/taken", async () => {
        throw new Problem(409, "Order 7 of ACME Ltd is there already");
      });
      app.get("/same", async (_request, reply) => reply.code(304).send());
    },
  });
  const answer = await app.inject("/taken");
  expect(answer.json()).toEqual({
    type: "about:blank",
    title: "Conflict",
    status: 409,
    detail: "Order 7 of ACME Ltd is there already",
  });
  expect((await app.inject("/same")).statusCode).toBe(304);
});

test.each([
  ["{", json, 400],
  ["", json, 400],
  ['{"__proto__": {}, "size": 1}', json, 400],
  [Buffer.from('{"size": 1, "name": "\xff"}', "latin1"), json, 400],
  ["<a/>", { "content-type": "text/xml" }, 415],
  ["size", { "content-type": "text/plain" }, 415],
  [JSON.stringify("x".repeat(1024 * 1024)), json, 413],
] as const)("a body that can't be taken: %.20s", async (payload, headers, status) => {
  const { app } = await makeApp({ routes: things });
  const answer = await app.inject({ method: "POST", url: "/things", payload, headers });
  expect([answer.statusCode, answer.json().status]).toEqual([status, status]);
});

test.each([
  [{}, "#/size"],
  [{ size: "7" }, "#/size"],
  [{ size: true }, "#/size"],
  [{ size: 1.5 }, "#/size"],
  [["swordfish"], "#"],
])("a body that breaks a rule: %j", async (payload, pointer) => {
  const { app } = await makeApp({ routes: things });
  const answer = await app.inject({ method: "POST", url: "/things", payload });
  expect([answer.statusCode, answer.json().title]).toEqual([422, "Unprocessable Entity"]);
  expect(answer.json().errors).toEqual([{ pointer, detail: expect.any(String) }]);
  expect(answer.body).not.toMatch("swordfish");
});

test("a query is text, and is converted, or refused without being repeated", async () => {
  const { app } = await makeApp({ routes: things });
  expect((await app.inject("/things?size=7")).statusCode).toBe(200);
  const answer = await app.inject("/things?size=swordfish");
  expect(answer.json()).toEqual({
    type: "about:blank",
    title: "Bad Request",
    status: 400,
    detail: "size must be integer",
  });
});

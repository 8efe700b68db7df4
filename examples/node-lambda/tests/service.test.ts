import { expect, test } from "vitest";
import { NAME } from "../src/platform/about.ts";
import { makeApp } from "./platform/support.ts";

test("it says who it is", async () => {
  const { app } = await makeApp();
  const answer = await app.inject("/");
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ service: NAME, version: "dev" });
});

import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { App } from "../src/app.tsx";
import { backEnd } from "./back-end.ts";

afterEach(cleanup);

test("a path that is no route says so", () => {
  backEnd();
  render(<App path="/nowhere" />);
  expect(screen.getByRole("heading", { name: "Page not found" })).toBeTruthy();
});

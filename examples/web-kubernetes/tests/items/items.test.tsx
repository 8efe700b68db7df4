import { cleanup, render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { Items } from "../../src/items/items.tsx";
import { backEnd, ITEM } from "../back-end.ts";

afterEach(cleanup);

async function add(name: string, quantity: string) {
  const user = userEvent.setup();
  if (name) await user.type(screen.getByLabelText("Name"), name);
  if (quantity) await user.type(screen.getByLabelText("Quantity"), quantity);
  await user.click(screen.getByRole("button", { name: "Add item" }));
}

test("the list is loading, then there", async () => {
  backEnd([200, { items: [ITEM], next: null }]);
  render(<Items />);
  expect(screen.getByText("Loading…")).toBeTruthy();
  const row = await screen.findByRole("row", { name: /bolt/ });
  expect(within(row).getByRole("cell", { name: "3" })).toBeTruthy();
  expect(screen.queryByText("Loading…")).toBeNull();
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

test("an empty list says so", async () => {
  backEnd([200, { items: [], next: null }]);
  render(<Items />);
  expect(await screen.findByText(/There are no items yet/)).toBeTruthy();
});

test("a list that fails can be asked for again", async () => {
  backEnd([503, { title: "Service Unavailable", status: 503 }], [200, { items: [ITEM], next: null }]);
  render(<Items />);
  expect((await screen.findByRole("alert")).textContent).toContain("could not be loaded");
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("bolt")).toBeTruthy();
  expect(screen.queryByRole("alert")).toBeNull();
});

test("older items follow", async () => {
  const asked = backEnd(
    [200, { items: [{ ...ITEM, id: 2, name: "nut" }], next: "2" }],
    [200, { items: [ITEM], next: null }],
  );
  render(<Items />);
  await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
  expect(await screen.findByText("bolt")).toBeTruthy();
  expect(screen.getByText("nut")).toBeTruthy();
  expect(asked[1]?.url).toBe("http://page/api/items?cursor=2");
});

test("an item is added, told and shown first", async () => {
  const asked = backEnd([200, { items: [ITEM], next: null }], [201, { ...ITEM, id: 2, name: "nut", quantity: 0 }]);
  render(<Items />);
  await screen.findByText("bolt");
  await add("nut", "0");
  expect((await screen.findByRole("status")).textContent).toBe("nut was added.");
  expect(screen.getAllByRole("rowheader").map((cell) => cell.textContent)).toEqual(["nut", "bolt"]);
  expect(await asked[1]?.json()).toEqual({ name: "nut", quantity: 0 });
  expect(document.activeElement).toBe(screen.getByLabelText("Name"));
});

test.each([
  ["", "1", "Name", /1 to 100 characters/],
  ["x".repeat(101), "1", "Name", /1 to 100 characters/],
  ["nut", "", "Quantity", /whole number/],
  ["nut", "1.5", "Quantity", /whole number/],
  ["nut", "1000001", "Quantity", /whole number/],
])("%j with %j is not sent", async (name, quantity, label, told) => {
  const asked = backEnd([200, { items: [], next: null }]);
  render(<Items />);
  await add(name, quantity);
  const field = screen.getByLabelText(label);
  expect(document.activeElement).toBe(field);
  expect(field.getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByText(told).id).toBe(field.getAttribute("aria-describedby"));
  expect(asked.length).toBe(1);
});

test("what the back end refuses stands beside its field", async () => {
  backEnd(
    [200, { items: [], next: null }],
    [409, { title: "Conflict", status: 409 }],
    [422, { status: 422, errors: [{ pointer: "#/quantity", detail: "expected less" }] }],
    [500, { title: "Internal Server Error", status: 500 }],
  );
  render(<Items />);
  await add("nut", "1");
  expect(await screen.findByText("There is an item of this name.")).toBeTruthy();
  await add("", "");
  expect(await screen.findByText("expected less")).toBeTruthy();
  await add("", "");
  expect((await screen.findByRole("alert")).textContent).toContain("Internal Server Error");
  await add("", "");
  expect(await screen.findByText(/can't be reached/)).toBeTruthy();
});

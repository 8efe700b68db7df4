import { beforeEach, describe, expect, test } from "vitest";
import type { Item } from "../../src/items/store.ts";
import type { App } from "../../src/platform/app.ts";
import { HAS_DATABASE, makeSchema } from "../platform/schema.ts";
import { makeApp } from "../platform/support.ts";

type Page = { items: Item[]; next: string | null };

describe.skipIf(!HAS_DATABASE)("items, on a real database", () => {
  let app: App;

  beforeEach(async () => {
    ({ app } = await makeApp({ settings: await makeSchema() }));
  });

  const add = (name: string, quantity = 1) =>
    app.inject({ method: "POST", url: "/items", payload: { name, quantity } });

  test("an item that was added is there", async () => {
    const added = await add("🐙".repeat(100), 3);
    expect(added.statusCode).toBe(201);
    expect(added.json()).toEqual({
      id: expect.any(Number),
      name: "🐙".repeat(100),
      quantity: 3,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const found = await app.inject(added.headers.location as string);
    expect([found.statusCode, found.json()]).toEqual([200, added.json()]);
  });

  test("a name is taken once", async () => {
    await add("lamp");
    const again = await add("lamp", 2);
    expect([again.statusCode, again.json().title]).toEqual([409, "Conflict"]);
    expect((await app.inject("/items")).json().items).toHaveLength(1);
  });

  test("an item that isn't there is not found", async () => {
    expect((await app.inject("/items/9223372036854775807")).statusCode).toBe(404);
  });

  test("pages go from the newest to the oldest", async () => {
    for (const name of ["a", "b", "c"]) {
      await add(name);
    }
    const names: string[][] = [];
    let next: string | null = "9223372036854775807";
    while (next) {
      const page: Page = (await app.inject(`/items?limit=2&cursor=${next}`)).json();
      names.push(page.items.map(({ name }) => name));
      next = page.next;
    }
    expect(names).toEqual([["c", "b"], ["a"]]);
  });
});

import type { App } from "../platform/app.ts";
import { Problem } from "../platform/errors.ts";
import { findItem, insertItem, isId, listItems } from "./store.ts";

const NEW_ITEM = {
  type: "object",
  properties: {
    name: {
      type: "string",
      minLength: 1,
      maxLength: 100,
      pattern: "^[^\\p{Cc}\\p{Cs}]*$", // neither control characters nor halves of characters
    },
    quantity: { type: "integer", minimum: 0, maximum: 1_000_000 },
  },
  required: ["name", "quantity"],
} as const;

const ITEM = {
  type: "object",
  properties: {
    id: { type: "integer" },
    name: { type: "string" },
    quantity: { type: "integer" },
    created_at: { type: "string", format: "date-time" },
  },
  required: ["id", "name", "quantity", "created_at"],
} as const;

const PAGE = {
  type: "object",
  properties: {
    limit: { type: "integer", minimum: 1, maximum: 100, default: 20 },
    cursor: { type: "string" },
  },
} as const;

const ITEMS = {
  type: "object",
  properties: { items: { type: "array", items: ITEM }, next: { type: ["string", "null"] } },
  required: ["items", "next"],
} as const;

export default async function items(app: App): Promise<void> {
  app.post("/items", { schema: { body: NEW_ITEM, response: { 201: ITEM } } }, async (request, reply) => {
    const item = await insertItem(app.pg, request.body);
    if (!item) {
      throw new Problem(409, "There is an item of this name.");
    }
    return reply.code(201).header("Location", `/items/${item.id}`).send(item);
  });

  const params = { type: "object", properties: { id: { type: "string" } }, required: ["id"] } as const;
  app.get("/items/:id", { schema: { params, response: { 200: ITEM } } }, async (request) => {
    const { id } = request.params;
    const item = isId(id) ? await findItem(app.pg, id) : undefined;
    if (!item) {
      throw new Problem(404, "There is no such item.");
    }
    return item;
  });

  app.get("/items", { schema: { querystring: PAGE, response: { 200: ITEMS } } }, async (request) => {
    const { limit, cursor } = request.query;
    if (cursor !== undefined && !isId(cursor)) {
      throw new Problem(400, "cursor is not one that a page had as its next");
    }
    return listItems(app.pg, limit, cursor);
  });
}

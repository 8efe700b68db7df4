import type { Pool } from "pg";
import { transaction } from "../platform/database.ts";

export type Item = {
  id: number;
  name: string;
  quantity: number;
  created_at: string;
};

/** A row as the driver has it: a 64-bit number is a text. */
interface Row {
  id: string;
  name: string;
  quantity: number;
  created_at: Date;
}

const COLUMNS = "id, name, quantity, created_at";

/** Whether there can be an item of that id: a positive number of 64 bits. */
export function isId(text: string): boolean {
  return /^[1-9]\d{0,18}$/.test(text) && BigInt(text) < 2n ** 63n;
}

/** The new item; none where there is one of that name. */
export function insertItem(pg: Pool, item: Pick<Item, "name" | "quantity">): Promise<Item | undefined> {
  return transaction(pg, async (client) => {
    const { rows } = await client.query<Row>(
      `INSERT INTO items (name, quantity) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING ${COLUMNS}`,
      [item.name, item.quantity],
    );
    return rows.map(toItem)[0];
  });
}

export async function findItem(pg: Pool, id: string): Promise<Item | undefined> {
  const { rows } = await pg.query<Row>(`SELECT ${COLUMNS} FROM items WHERE id = $1`, [id]);
  return rows.map(toItem)[0];
}

/** The newest first, and the cursor of the next page, where there is one. */
export async function listItems(
  pg: Pool,
  limit: number,
  cursor?: string,
): Promise<{ items: Item[]; next: string | null }> {
  const { rows } = await pg.query<Row>(
    `SELECT ${COLUMNS} FROM items WHERE id < coalesce($1, 9223372036854775807) ORDER BY id DESC LIMIT $2`,
    [cursor, limit + 1], // one more tells whether there is a next page
  );
  const items = rows.slice(0, limit).map(toItem);
  return { items, next: rows.length > limit ? String(items.at(-1)?.id) : null };
}

function toItem(row: Row): Item {
  return { ...row, id: Number(row.id), created_at: row.created_at.toISOString() };
}

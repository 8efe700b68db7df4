import { ask } from "../api/client.ts";
import type { paths } from "../api/schema.d.ts";

export type Page = paths["/items"]["get"]["responses"][200]["content"]["application/json"];
export type Item = Page["items"][number];
export type NewItem = paths["/items"]["post"]["requestBody"]["content"]["application/json"];

/** A page of the list, the newest first; `cursor` is the `next` of the page before. */
export function listItems(cursor: string | null, signal?: AbortSignal): Promise<Page> {
  const query = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
  return ask<Page>(`/items${query}`, signal === undefined ? {} : { signal });
}

export function addItem(item: NewItem): Promise<Item> {
  return ask<Item>("/items", { send: item });
}

import { useCallback, useEffect, useRef, useState } from "react";
import { type Item, listItems } from "./api.ts";
import { NewItemForm } from "./new-item.tsx";

type State = "loading" | "failed" | "loaded";

/** The list, and the form that adds to it. */
export function Items() {
  const [items, setItems] = useState<Item[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [state, setState] = useState<State>("loading");
  const [added, setAdded] = useState("");
  const running = useRef<AbortController>(undefined);

  const load = useCallback((cursor: string | null) => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState("loading");
    listItems(cursor, controller.signal).then(
      (page) => {
        if (controller.signal.aborted) return;
        setItems((before) => (cursor === null ? page.items : [...before, ...page.items]));
        setNext(page.next);
        setState("loaded");
      },
      () => {
        if (!controller.signal.aborted) setState("failed");
      },
    );
  }, []);

  useEffect(() => {
    load(null);
    return () => running.current?.abort();
  }, [load]);

  return (
    <>
      <h1>Items</h1>
      <NewItemForm
        onAdded={(item) => {
          setItems((before) => [item, ...before]);
          setAdded(`${item.name} was added.`);
        }}
      />
      <p role="status" className="status">
        {added}
      </p>
      <section aria-labelledby="list" aria-busy={state === "loading"}>
        <h2 id="list">All items</h2>
        <List items={items} state={state} />
        {state === "failed" && (
          <div role="alert" className="error">
            <p>The items could not be loaded.</p>
            <button type="button" onClick={() => load(items.length === 0 ? null : next)}>
              Try again
            </button>
          </div>
        )}
        {state === "loaded" && next !== null && (
          <button type="button" onClick={() => load(next)}>
            Show more
          </button>
        )}
      </section>
    </>
  );
}

function List({ items, state }: { items: Item[]; state: State }) {
  if (items.length === 0 && state !== "loaded") return state === "loading" ? <p>Loading…</p> : null;
  if (items.length === 0) return <p>There are no items yet: add the first one above.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className="number">
            Quantity
          </th>
          <th scope="col">Added</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id}>
            <th scope="row">{item.name}</th>
            <td className="number">{item.quantity}</td>
            <td>
              <time dateTime={item.created_at}>{new Date(item.created_at).toLocaleString()}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

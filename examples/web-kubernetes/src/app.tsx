import type { ReactNode } from "react";
import { Items } from "./items/items.tsx";

/** Each path of the site, and what it shows: the server answers all of them with index.html. */
const pages = new Map<string, () => ReactNode>();
pages.set("/", Items);

export function App({ path }: { path: string }) {
  const Page = pages.get(path) ?? NotFound;
  return (
    <>
      <header>
        <a href="/">shop</a>
      </header>
      <main>
        <Page />
      </main>
    </>
  );
}

function NotFound() {
  return (
    <>
      <h1>Page not found</h1>
      <p>
        There is nothing here. <a href="/">Go to the start</a>
      </p>
    </>
  );
}

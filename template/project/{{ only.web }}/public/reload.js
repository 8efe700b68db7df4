// A deployment takes away the scripts that an open page still names, and as long as it runs, old and new versions take
// turns: what is missing here is there when the page is loaded again. Five times a minute at most, each a second later
// than the one before: what is really missing stays the error that it is.
(() => {
  const BUILT = 'script[src^="/assets/"], link[rel="stylesheet"][href^="/assets/"]';
  const WITHIN_MS = 60_000;
  const MOST = 5;

  function reload() {
    const before = JSON.parse(sessionStorage.getItem("reloads") ?? "[]").filter(
      (time) => Date.now() - time < WITHIN_MS,
    );
    if (before.length >= MOST) return;
    sessionStorage.setItem("reloads", JSON.stringify([...before, Date.now()]));
    setTimeout(() => location.reload(), before.length * 1000);
  }

  // Only for what the build made: a script from elsewhere may be blocked each time. For a part of the page that is loaded
  // later, Vite has an event: https://vite.dev/guide/build#load-error-handling
  addEventListener("error", (event) => event.target.matches?.(BUILT) && reload(), true);
  addEventListener("vite:preloadError", reload);
})();

import { afterEach, vi } from "vitest";

export const ITEM = { id: 1, name: "bolt", quantity: 3, created_at: "2026-01-31T12:00:00.123Z" };

/** What the back end answers, one after the other; gives what it was asked. */
export function backEnd(...answers: [status: number, body: unknown][]): Request[] {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    // jsdom's signals are none of Node.js's requests.
    asked.push(new Request(new URL(path, "http://page"), { ...init, signal: null }));
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return Response.json(answer[1], { status: answer[0] });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

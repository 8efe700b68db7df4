/** Asks the back end, below /api: there the server of this page passes requests on to it. */

/** What the server's own limit for a request is. */
const WAIT_MS = 30_000;

/** A rule that what was sent breaks: RFC 6901's pointer to the field, and what was expected of it. */
export interface BrokenRule {
  pointer: string;
  detail: string;
}

/** An answer that is none: RFC 9457's problem, or a network that fails, which has the status 0. */
export class Problem extends Error {
  readonly status: number;
  readonly errors: BrokenRule[];

  constructor(status: number, message: string, errors: BrokenRule[] = []) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

/** The answer's body; throws a Problem, or what `signal` says where it has been aborted. */
export async function ask<Body>(path: string, options: { send?: unknown; signal?: AbortSignal } = {}): Promise<Body> {
  const timeout = AbortSignal.timeout(WAIT_MS);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const request: RequestInit = { headers: { Accept: "application/json" }, signal };
  if (options.send !== undefined) {
    request.method = "POST";
    request.headers = { ...request.headers, "Content-Type": "application/json" };
    request.body = JSON.stringify(options.send);
  }
  try {
    const response = await fetch(`/api${path}`, request);
    if (!response.ok) throw await problem(response);
    return (await response.json()) as Body;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof Problem) throw error;
    throw new Problem(0, "The service can't be reached.");
  }
}

async function problem(response: Response): Promise<Problem> {
  const told = (await response.json().catch(() => ({}))) as { title?: string; detail?: string; errors?: BrokenRule[] };
  return new Problem(
    response.status,
    told.detail ?? told.title ?? `The service answered ${response.status}.`,
    told.errors,
  );
}

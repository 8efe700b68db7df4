/** Asked every few seconds: not worth a line or a trace each. */
export const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

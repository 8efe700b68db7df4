/**
 * The service's own settings, as JSON Schema: each is an environment variable, or a file that NAME_FILE points to.
 * A route finds them in `app.settings`. What every service can be told is in src/platform/settings.ts.
 */
export const OWN_SETTINGS = {
  type: "object",
  properties: {
    // GREETING: { type: "string", default: "hello" },
  },
  required: [],
} as const;

import { envSchema } from "env-schema";
import type { FromSchema } from "json-schema-to-ts";
import { OWN_SETTINGS } from "../settings.ts";
import { DEFAULT_PORT } from "./about.ts";
import { parseDatabaseUrl } from "./connection.ts";
import { read, SettingsError } from "./environment.ts";

const PLATFORM_SETTINGS = {
  type: "object",
  properties: {
    PORT: { type: "integer", minimum: 1025, maximum: 65535, default: DEFAULT_PORT },
    LOG_LEVEL: { enum: ["debug", "info", "warn", "error"], default: "info" },
    DATABASE_URL: { type: "string" },
    DATABASE_PASSWORD: { type: "string" },
    DATABASE_POOL_SIZE: { type: "integer", minimum: 1, maximum: 100, default: 10 },
    OTEL_EXPORTER_OTLP_ENDPOINT: { type: "string", pattern: "^https?://[^/]" },
    VERSION: { type: "string", default: "dev" },
  },
} as const;

export type Settings = FromSchema<typeof PLATFORM_SETTINGS> & FromSchema<typeof OWN_SETTINGS>;

/** Reads the settings, the service's own too; throws a SettingsError for the first that can't be used. */
export function readSettings(): Settings {
  const properties = { ...PLATFORM_SETTINGS.properties, ...OWN_SETTINGS.properties };
  const data: Record<string, string> = {};
  for (const name of Object.keys(properties)) {
    const value = read(name);
    if (value !== undefined) {
      data[name] = value;
    }
  }
  const schema = { ...OWN_SETTINGS, properties };
  const settings = validate(schema, data);
  if (settings.DATABASE_URL) {
    parseDatabaseUrl(settings.DATABASE_URL);
  }
  return settings;
}

function validate(schema: object, data: Record<string, string>): Settings {
  try {
    return envSchema<Settings>({ schema, data, env: false });
  } catch (error) {
    const [first] = (error as { errors?: Violation[] }).errors ?? [];
    if (!first) {
      throw error;
    }
    const { allowedValues, missingProperty } = first.params;
    const expected = allowedValues ? `expected one of ${allowedValues.join(", ")}` : first.message;
    throw new SettingsError(missingProperty ?? first.instancePath.slice(1), expected);
  }
}

/** What Ajv says of a rule that is broken: never with the value. */
interface Violation {
  instancePath: string;
  message: string;
  params: { allowedValues?: string[]; missingProperty?: string };
}

import { DEFAULT_PORT } from "./about.ts";
import { read, SettingsError } from "./environment.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the service can be told. */
export interface Settings {
  port: number;
  logLevel: LogLevel;
  databaseUrl: URL | undefined;
  databasePassword: string | undefined;
  version: string;
}

/** Reads the settings from the environment; throws a SettingsError for the first that can't be used. */
export function loadSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const setting = <T>(name: string, parse: (value: string, name: string) => T): T | undefined => {
    const value = read(name, env);
    return value === undefined ? undefined : parse(value, name);
  };
  return {
    port: setting("PORT", parsePort) ?? DEFAULT_PORT,
    logLevel: setting("LOG_LEVEL", parseLogLevel) ?? "info",
    databaseUrl: setting("DATABASE_URL", parseDatabaseUrl),
    databasePassword: setting("DATABASE_PASSWORD", String),
    version: setting("VERSION", String) ?? "dev",
  };
}

function parsePort(value: string, name: string): number {
  const port = Number(value);
  // Number() also takes "0x1F90", "8e3" and " 8000 ".
  if (!/^\d+$/.test(value) || port < 1025 || port > 65535) {
    throw new SettingsError(name, "a whole number from 1025 to 65535");
  }
  return port;
}

function parseLogLevel(value: string, name: string): LogLevel {
  const level = LOG_LEVELS.find((level) => level === value);
  if (!level) {
    throw new SettingsError(name, `one of ${LOG_LEVELS.join(", ")}`);
  }
  return level;
}

function parseDatabaseUrl(value: string, name: string): URL {
  const url = URL.parse(value);
  if (!url || !["postgresql:", "postgres:"].includes(url.protocol) || !url.hostname) {
    throw new SettingsError(name, "postgresql://user@host:5432/name");
  }
  // URLs end up in logs and error reports, so the password has a setting of its own.
  if (url.password || url.searchParams.has("password")) {
    throw new SettingsError(name, "no password in it: set DATABASE_PASSWORD_FILE");
  }
  return url;
}

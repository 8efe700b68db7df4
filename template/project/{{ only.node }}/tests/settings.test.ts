import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DEFAULT_PORT } from "../src/about.ts";
import { loadSettings } from "../src/settings.ts";

function fileOf(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "settings-")), "value");
  writeFileSync(path, content);
  return path;
}

test("the defaults start a service, and an empty value counts as unset", () => {
  const defaults = {
    port: DEFAULT_PORT,
    logLevel: "info",
    databaseUrl: undefined,
    databasePassword: undefined,
    version: "dev",
  };
  expect(loadSettings({})).toEqual(defaults);
  expect(loadSettings({ PORT: "", LOG_LEVEL: "", DATABASE_URL: "", VERSION: "" })).toEqual(defaults);
});

test("a value may come as a file, less the white space at its end", () => {
  const settings = loadSettings({ DATABASE_PASSWORD_FILE: fileOf(" s3cret\n\n"), PORT_FILE: fileOf("8080\n") });
  expect(settings.databasePassword).toBe(" s3cret");
  expect(settings.port).toBe(8080);
});

test("a value and a file at once are refused", () => {
  expect(() => loadSettings({ PORT: "9000", PORT_FILE: fileOf("9000") })).toThrow(/^PORT: .*not both$/);
});

test.each([
  ["PORT", "eighty", /^PORT: expected a whole number from 1025 to 65535$/],
  ["PORT", "80", /^PORT: /],
  ["PORT", "65536", /^PORT: /],
  ["PORT", "0x1F90", /^PORT: /],
  ["PORT_FILE", "/does/not/exist", /^PORT_FILE: /],
  ["LOG_LEVEL", "loud", /^LOG_LEVEL: expected one of debug, info, warn, error$/],
  ["DATABASE_URL", "mysql://user@s3cret/name", /^DATABASE_URL: expected postgresql:/],
  ["DATABASE_URL", "postgresql://user:s3cret@host/name", /^DATABASE_URL: .*DATABASE_PASSWORD_FILE/],
  ["DATABASE_URL", "postgresql://user@host/name?password=s3cret", /^DATABASE_URL: .*DATABASE_PASSWORD_FILE/],
])("%s=%s is refused in one line that doesn't tell the value", (name, value, expected) => {
  let message = "";
  try {
    loadSettings({ [name]: value });
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatch(expected);
  expect(message).not.toMatch(/s3cret|\n/);
});

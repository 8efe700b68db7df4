import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_PORT } from "../../src/platform/about.ts";
import { readSettings } from "../../src/platform/settings.ts";

const NAMES = ["PORT", "LOG_LEVEL", "DATABASE_URL", "DATABASE_PASSWORD", "VERSION"];

beforeEach(() => {
  vi.unstubAllEnvs();
  for (const name of NAMES) {
    vi.stubEnv(name, undefined);
  }
});

function fileOf(content: string | Buffer): string {
  const path = join(mkdtempSync(join(tmpdir(), "settings-")), "value");
  writeFileSync(path, content);
  return path;
}

test("the defaults start a service, and an empty value counts as unset", () => {
  const defaults = { PORT: DEFAULT_PORT, LOG_LEVEL: "info", DATABASE_POOL_SIZE: 10, VERSION: "dev" };
  expect(readSettings()).toEqual(defaults);
  for (const name of NAMES) {
    vi.stubEnv(name, "");
  }
  expect(readSettings()).toEqual(defaults);
});

test("a value may come as a file, less the white space at its end", () => {
  vi.stubEnv("VERSION_FILE", fileOf(" 1.2\n\n"));
  vi.stubEnv("PORT_FILE", fileOf("8080\n"));
  expect(readSettings()).toMatchObject({ VERSION: " 1.2", PORT: 8080 });
});

test("a value and a file at once are refused", () => {
  vi.stubEnv("PORT", "9000");
  vi.stubEnv("PORT_FILE", fileOf("9000"));
  expect(readSettings).toThrow(/^PORT: .*not both$/);
});

test.each([
  ["PORT", "eighty", "PORT: must be integer"],
  ["PORT", "80", "PORT: must be >= 1025"],
  ["PORT", "65536", "PORT: must be <= 65535"],
  ["PORT_FILE", "s3cret", "PORT_FILE: expected the path of a readable text file"],
  ["PORT_FILE", fileOf(Buffer.from([0xff, 0xfe])), "PORT_FILE: expected the path of a readable text file"],
  ["LOG_LEVEL", "loud", "LOG_LEVEL: expected one of debug, info, warn, error"],
  ["DATABASE_PASSWORD_FILE", "s3cret", "DATABASE_PASSWORD_FILE: expected the path of a readable text file"],
])("%s=%s is refused in one line that doesn't tell the value", (name, value, expected) => {
  vi.stubEnv(name, value);
  expect(readSettings).toThrow(expect.objectContaining({ message: expected }));
});

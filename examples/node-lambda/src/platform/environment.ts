import { readFileSync } from "node:fs";

/** A setting that can't be used. The text says what was expected; it never holds the value, which may be a secret. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(setting: string, expected: string) {
    super(`${setting}: ${expected}`);
  }
}

/**
 * The value of `name`, or of the file that `<name>_FILE` points to; an empty one counts as unset.
 *
 * Docker and Kubernetes hand secrets over as files, so that the value is in no environment that `docker inspect` or a
 * crash report shows.
 */
export function read(name: string): string | undefined {
  const value = process.env[name];
  const path = process.env[`${name}_FILE`];
  if (value && path) {
    throw new SettingsError(name, `expected either ${name} or ${name}_FILE, not both`);
  }
  return (path ? contentOf(path, `${name}_FILE`) : value) || undefined;
}

function contentOf(path: string, setting: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)).trimEnd();
  } catch {
    throw new SettingsError(setting, "expected the path of a readable text file");
  }
}

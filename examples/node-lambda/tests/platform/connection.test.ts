import { expect, test } from "vitest";
import { parseDatabaseUrl } from "../../src/platform/connection.ts";

test("an address has all that a client needs", () => {
  const { user, host, port, database } = parseDatabaseUrl("postgres://app@[::1]/my%20data");
  expect({ user, host, port, database }).toEqual({ user: "app", host: "::1", port: 5432, database: "my data" });
});

test("sslmode means what libpq says", () => {
  const tls = (query: string) => parseDatabaseUrl(`postgresql://app@db:5432/app${query}`).ssl;
  expect(tls("?sslmode=disable")).toBe(false);
  expect(tls("")).toEqual({ rejectUnauthorized: false });
  expect(tls("?sslmode=require")).toEqual({ rejectUnauthorized: false });
  expect(tls("?sslmode=verify-ca")).toEqual({ ca: expect.any(Array), checkServerIdentity: expect.any(Function) });
  expect(tls("?sslmode=verify-full")).toEqual({ ca: expect.any(Array) });
});

test.each([
  ["mysql://app@s3cret/app", "expected postgresql:"],
  ["postgresql+asyncpg://app@s3cret/app", "expected postgresql:"],
  ["postgresql://s3cret/app", "expected postgresql:"],
  ["postgresql://app@s3cret", "expected postgresql:"],
  ["postgresql://app:s3cret@db/app", "DATABASE_PASSWORD_FILE"],
  ["postgresql://app@db/app?password=s3cret", "DATABASE_PASSWORD_FILE"],
  [
    "postgresql://app@db/app?sslmode=s3cret",
    "expected one of disable, prefer, require, verify-ca, verify-full as sslmode",
  ],
  ["postgresql://app@db/app?options=s3cret", "no parameter but sslmode and sslrootcert"],
  [
    "postgresql://app@db/app?sslmode=verify-ca&sslrootcert=s3cret",
    "expected sslrootcert to be the path of a readable PEM",
  ],
  ["postgresql://app@db/app?sslrootcert=s3cret", "expected sslrootcert with sslmode=verify-ca or verify-full alone"],
])("%s is refused without being repeated", (text, expected) => {
  let message = "";
  try {
    parseDatabaseUrl(text);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain(expected);
  expect(message).not.toContain("s3cret");
});

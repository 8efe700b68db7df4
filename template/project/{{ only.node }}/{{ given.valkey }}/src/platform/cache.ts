import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";
import { Redis as Client } from "iovalkey";
import type { App } from "./app.ts";
import { read, SettingsError } from "./environment.ts";

declare module "fastify" {
  interface FastifyInstance {
    cache: Cache;
  }
}

const ANSWER_WITHIN = 2_000; // milliseconds, for a connection and for each answer
const EXPECTED = "expected redis://host:6379 or rediss://user@host:6379/0, with no parameter but sslrootcert";

// Replaces the value that we know, if no other has its place. ARGV: that value, the new one (none: delete), its seconds.
const REPLACE = `
local found = redis.call("GET", KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == "" then return redis.call("DEL", KEYS[1]) end
redis.call("SET", KEYS[1], ARGV[2], "EX", ARGV[3])
return 1
`;

interface Address {
  host: string;
  port: number;
  user: string;
  number: number;
  tls: { ca: string | string[] } | undefined;
}

/** Valkey, or what speaks its protocol. The service starts without waiting for it; readiness tells whether it answers. */
export function addCache(app: App): void {
  const { CACHE_URL } = app.settings;
  const address = CACHE_URL ? parseCacheUrl(CACHE_URL) : undefined;
  const cache = new Cache(address);
  app.decorate("cache", cache);
  if (address) {
    const probe = new Cache(address);
    app.health.checks.cache = async () => {
      await probe.ask(["PING"]);
      app.health.told.add("cache"); // from now on its failure is not worth an outage of all else
    };
    app.addHook("onClose", async () => {
      cache.close();
      probe.close();
    });
  }
}

/** What CACHE_URL says; throws a SettingsError. */
export function parseCacheUrl(text: string): Address {
  const url = URL.parse(text);
  const fail = (expected: string): never => {
    throw new SettingsError("CACHE_URL", expected);
  };
  // URLs end up in logs and error reports, so the password has a setting of its own.
  if (url?.password || url?.searchParams.has("password")) {
    return fail("expected no password in it: set CACHE_PASSWORD_FILE");
  }
  const [, tls] = /^(?:redis|valkey)(s?):$/.exec(url?.protocol ?? "") ?? [];
  if (!url || tls === undefined || !url.hostname || url.hash || !/^(\/\d{0,5})?$/.test(url.pathname)) {
    return fail(EXPECTED);
  }
  const { sslrootcert, ...others } = Object.fromEntries(url.searchParams);
  if (Object.keys(others).length > 0) {
    return fail("expected no parameter but sslrootcert");
  }
  if (sslrootcert !== undefined && !tls) {
    return fail("expected sslrootcert with rediss:// alone");
  }
  return {
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 6379),
    user: decodeURIComponent(url.username),
    number: Number(url.pathname.slice(1) || 0),
    tls: tls ? { ca: sslrootcert === undefined ? systemCertificates() : readCertificates(sslrootcert) } : undefined,
  };
}

function systemCertificates(): string[] {
  return [...getCACertificates(), ...getCACertificates("system")];
}

function readCertificates(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) {
      return text;
    }
  } catch {
    // As if it held none.
  }
  throw new SettingsError("CACHE_URL", "expected sslrootcert to be the path of a readable file of certificates in PEM");
}

/** One connection, made when it is first needed, and again when it fails; all commands are sent over it. */
export class Cache {
  readonly #address: Address | undefined;
  #client: Promise<Client> | undefined;

  constructor(address: Address | undefined) {
    this.#address = address;
  }

  /** Sets a value where there is none, and gives the one that is there now. */
  async claim(name: string, value: string, seconds: number): Promise<string> {
    const found = await this.ask(["SET", name, value, "NX", "GET", "EX", seconds]);
    return found === null ? value : String(found);
  }

  /** Sets a value in the place of the known one; an empty one deletes that. */
  async replace(name: string, known: string, value: string, seconds: number): Promise<void> {
    await this.ask(["EVAL", REPLACE, 1, name, known, value, seconds]);
  }

  /** Asks; once more over another connection, where this one is closed, or leads to who was the primary until a failover. */
  async ask(command: [string, ...(string | number)[]], again = true): Promise<unknown> {
    const asked = this.#client;
    const [name, ...parameters] = command;
    try {
      this.#client ??= this.#connect();
      const client = await this.#client;
      return await client.call(name, ...parameters);
    } catch (cause) {
      const reply = cause instanceof Error && cause.name === "ReplyError";
      if (reply && !/^(READONLY|NOAUTH)/.test(cause.message)) {
        throw unavailable(cause);
      }
      if (asked === undefined || asked === this.#client) {
        this.close();
      }
      if (again && asked !== undefined && !isTimeout(cause)) {
        return this.ask(command, false);
      }
      throw unavailable(cause);
    }
  }

  close(): void {
    this.#client?.then((client) => client.disconnect()).catch(() => undefined);
    this.#client = undefined;
  }

  async #connect(): Promise<Client> {
    if (!this.#address) {
      throw new Error("CACHE_URL is not set");
    }
    const { host, port, user, number, tls } = this.#address;
    const client = new Client({
      host,
      port,
      ...(tls && { tls: { ...tls, servername: host } }),
      keepAlive: 10_000,
      connectTimeout: ANSWER_WITHIN,
      commandTimeout: ANSWER_WITHIN,
      lazyConnect: true,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    let reason: Error | undefined; // the library itself only says that the connection is closed
    client.on("error", (error) => {
      reason = error;
    });
    try {
      await client.connect();
      const password = read("CACHE_PASSWORD"); // for each connection: it may have been rotated
      if (password) {
        await client.call("AUTH", ...(user ? [user] : []), password);
      }
      if (number > 0) {
        await client.call("SELECT", number);
      }
      return client;
    } catch (error) {
      client.disconnect();
      throw new Error("no connection to the cache", { cause: reason ?? error });
    }
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (/timed out|ETIMEDOUT/.test(error.message) || isTimeout(error.cause));
}

function unavailable(cause: unknown): Error {
  return Object.assign(new Error("no answer from the cache", { cause }), { statusCode: 503 });
}

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { type ConnectionOptions, getCACertificates } from "node:tls";
import { Client, Pool, type PoolConfig } from "pg";
import { read, SettingsError } from "./environment.ts";

const EXPECTED = "expected postgresql://user@host:5432/name, with no parameter but sslmode and sslrootcert";
const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"];
// https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

interface Config extends PoolConfig {
  /** With sslmode=prefer, whether the server is known to have TLS. */
  prefer?: { known: boolean } | undefined;
}

/** What DATABASE_URL says, with `sslmode` as libpq has it; throws a SettingsError. */
export function parseDatabaseUrl(text: string): Config {
  const url = URL.parse(text);
  const fail = (expected: string): never => {
    throw new SettingsError("DATABASE_URL", expected);
  };
  // URLs end up in logs and error reports, so the password has a setting of its own.
  if (url?.password || url?.searchParams.has("password")) {
    return fail("expected no password in it: set DATABASE_PASSWORD_FILE");
  }
  if (
    !url ||
    !/^postgres(ql)?:$/.test(url.protocol) ||
    !url.username ||
    !url.hostname ||
    !/^\/[^/]+$/.test(url.pathname)
  ) {
    return fail(EXPECTED);
  }
  const { sslmode = "prefer", sslrootcert, ...others } = Object.fromEntries(url.searchParams);
  const verify = sslmode.startsWith("verify-");
  if (!SSL_MODES.includes(sslmode)) {
    return fail(`expected one of ${SSL_MODES.join(", ")} as sslmode`);
  }
  if (Object.keys(others).length > 0) {
    return fail(EXPECTED);
  }
  if (sslrootcert !== undefined && !verify) {
    return fail("expected sslrootcert with sslmode=verify-ca or verify-full alone");
  }
  return {
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    password: () => read("DATABASE_PASSWORD") ?? "", // for each connection: it may have been rotated
    ssl: sslmode !== "disable" && (verify ? verified(sslmode, sslrootcert) : { rejectUnauthorized: false }),
    prefer: sslmode === "prefer" ? { known: false } : undefined,
    keepAlive: true,
  };
}

function verified(sslmode: string, sslrootcert?: string): ConnectionOptions {
  const ca = sslrootcert ? readCertificates(sslrootcert) : [...getCACertificates(), ...getCACertificates("system")];
  return sslmode === "verify-ca" ? { ca, checkServerIdentity: () => undefined } : { ca };
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
  throw new SettingsError("DATABASE_URL", "expected sslrootcert to be the path of a readable PEM file");
}

/** A pool of DatabaseClients. */
export function newPool(config: Config): Pool {
  // The types of `pg` don't know that a pool hands its own options to each of its clients.
  return new Pool({ ...config, Client: DatabaseClient as unknown as NonNullable<PoolConfig["Client"]> });
}

/** A client that does what sslmode=prefer says: `pg` itself either insists on TLS or goes without. */
export class DatabaseClient extends Client {
  readonly #config: Config;

  constructor(config: Config) {
    super(config);
    this.#config = config;
  }

  override connect(): Promise<Client>;
  override connect(callback: (error: Error | null) => void): void;
  override connect(callback?: (error: Error | null) => void): Promise<Client> | undefined {
    const connected = this.#connect();
    if (!callback) {
      return connected;
    }
    connected.then(() => callback(null), callback);
    return undefined;
  }

  async #connect(): Promise<Client> {
    const { prefer } = this.#config;
    try {
      if (prefer && !prefer.known) {
        prefer.known = await this.#offersTls();
        if (!prefer.known) {
          this.ssl = false;
          Object.assign(this.connection, { ssl: false });
        }
      }
      return await super.connect();
    } catch (cause) {
      if (prefer) {
        prefer.known = false;
      }
      throw Object.assign(new Error("no connection to the database", { cause }), { statusCode: 503 });
    }
  }

  #offersTls(): Promise<boolean> {
    const { host = "", port = 5432, connectionTimeoutMillis = 5_000 } = this.#config;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    // Less than the pool allows for all of it.
    const socket = connect({ host, port, timeout: 0.9 * connectionTimeoutMillis });
    socket.once("data", ([answer]) => {
      resolve(answer === "S".charCodeAt(0));
      socket.destroy();
    });
    socket.once("timeout", () => socket.destroy(new Error("no answer in time")));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("no answer")));
    socket.write(SSL_REQUEST);
    return promise;
  }
}

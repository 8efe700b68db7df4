import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { AjvCompiler } from "@fastify/ajv-compiler";
import { fastifySwagger } from "@fastify/swagger";
import type { JsonSchemaToTsProvider } from "@fastify/type-provider-json-schema-to-ts";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions, fastify } from "fastify";
import { NAME } from "./about.ts";
import { addDatabase } from "./database.ts";
import { addErrors, badPath, Problem } from "./errors.ts";
import { addHealth } from "./health.ts";
import { addMetrics } from "./metrics.ts";
import { addRecords, Records, requestId } from "./records.ts";
import type { Settings } from "./settings.ts";
import type { Traces } from "./traces.ts";

declare module "fastify" {
  interface FastifyInstance {
    settings: Settings;
  }
}

/** Fastify, with types of requests that follow from the routes' schemas. */
export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, JsonSchemaToTsProvider>;

/** The application without its routes: what happens around each of them, the same in every service. */
export function createApp(settings: Settings, log: FastifyBaseLogger, traces?: Traces): App {
  const app = fastify({
    loggerInstance: log,
    logController: new Records(),
    childLoggerFactory: (logger, bindings, options) => logger.child({ ...bindings, ...traces?.ids() }, options),
    genReqId: requestId,
    frameworkErrors: badPath,
    return503OnClosing: false, // a request that still gets in while the service stops is answered as any other
    schemaController: { compilersFactory: { buildValidator } },
    bodyLimit: 1024 * 1024,
    handlerTimeout: 30_000,
    requestTimeout: 30_000, // until the body has come
    keepAliveTimeout: 75_000, // longer than a load balancer's 60 s, so that it is never the service that hangs up first
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16 * 1024 },
  }).withTypeProvider<JsonSchemaToTsProvider>();
  takeJsonAlone(app);
  app.decorate("settings", settings);

  addRecords(app, traces);
  addErrors(app);
  addHealth(app);
  addMetrics(app);
  addDatabase(app);
  app.register(fastifySwagger, { openapi: { info: { title: NAME, version: settings.VERSION } } });
  app.after(() => app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger()));
  return app;
}

/** Until the service adds a parser. Fastify's own would put replacement characters where a body is no UTF-8. */
function takeJsonAlone(app: App): void {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    let text: string;
    try {
      text = utf8.decode(body);
    } catch {
      done(new Problem(400, "The body is not UTF-8."));
      return;
    }
    parse(request, text, done);
  });
}

type BuildValidator = NonNullable<
  NonNullable<NonNullable<FastifyServerOptions["schemaController"]>["compilersFactory"]>["buildValidator"]
>;

/** JSON has types of its own: "3" is no number there. In a path or a query everything is text, and is converted. */
const buildValidator: BuildValidator = (schemas) => {
  const build = AjvCompiler();
  const convert = build(schemas, { customOptions: { allErrors: true } });
  const strict = build(schemas, { customOptions: { allErrors: true, coerceTypes: false } });
  return (route) => (route.httpPart === "body" ? strict : convert)(route);
};

import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.statusCode = request.url === "/health" || request.url === "/" ? 200 : 404;
  response.end("orders\n");
});
server.listen(Number(process.env.PORT ?? 3000), "0.0.0.0");
process.on("SIGTERM", () => server.close(() => process.exit(0)));

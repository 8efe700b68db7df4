import { createServer } from "node:http";
import { hello } from "greetings";
import ms from "ms";

ms("1s");
const server = createServer((request, response) => response.end(hello()));
server.listen(Number(process.env.PORT ?? 3000), "0.0.0.0");
process.on("SIGTERM", () => server.close(() => process.exit(0)));

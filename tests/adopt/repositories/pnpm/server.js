import { createServer } from "node:http";
import ms from "ms";

const server = createServer((request, response) => {
  response.end(`orders ${ms("1s")}\n`);
});
server.listen(Number(process.env.PORT ?? 3000), "0.0.0.0");
process.on("SIGTERM", () => server.close(() => process.exit(0)));

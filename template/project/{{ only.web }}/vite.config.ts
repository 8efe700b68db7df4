import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { compressed } from "./platform/compress.ts";

/** Where `npm run dev` listens and where its /api leads: the settings of the service. */
const { PORT, BACKEND_URL } = process.env;

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    // A file of its own for everything: the Content-Security-Policy takes nothing that stands in the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    ...(PORT ? { port: Number(PORT), strictPort: true } : {}),
    ...(BACKEND_URL
      ? { proxy: { "/api": { target: BACKEND_URL, changeOrigin: true, rewrite: (path) => path.slice("/api".length) } } }
      : {}),
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
  },
});

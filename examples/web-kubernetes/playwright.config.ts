import { defineConfig } from "@playwright/test";

/** CHROMIUM is one that is installed on this machine, where Playwright's own is not wanted. */
const { BASE_URL, CHROMIUM } = process.env;

export default defineConfig({
  testDir: "e2e",
  forbidOnly: true,
  reporter: "list",
  use: {
    ...(BASE_URL ? { baseURL: BASE_URL } : {}),
    browserName: "chromium",
    trace: "retain-on-failure",
    ...(CHROMIUM ? { launchOptions: { executablePath: CHROMIUM } } : {}),
  },
});

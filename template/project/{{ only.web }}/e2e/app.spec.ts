import { expect, type Request } from "@playwright/test";
import { accessible, test } from "./checks.ts";

test("a path that is no route is a page that says so", async ({ page }) => {
  await page.goto("/no/such/page");
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
  await accessible(page);
});

test("a script that is missing in the middle of a deployment is asked for again", async ({ page, complaints }) => {
  let missing = 2;
  await page.route("**/assets/*.js", (route) => (missing-- > 0 ? route.fulfill({ status: 404 }) : route.continue()));
  await page.goto("/");
  await expect(page.getByRole("main")).toBeVisible();
  for (const complaint of complaints.splice(0)) expect(complaint).toContain("404");
});

test("what else is missing is left alone", async ({ page, complaints }) => {
  await page.goto("/");
  let loaded = 0;
  page.on("framenavigated", () => loaded++);
  await page.evaluate(() => document.head.append(Object.assign(document.createElement("script"), { src: "/gone.js" })));
  await expect.poll(() => complaints.length).toBeGreaterThan(0);
  await page.waitForTimeout(500);
  for (const complaint of complaints.splice(0)) expect(complaint).toMatch(/404|MIME type/);
  expect(loaded).toBe(0);
});

test("what the first visit takes is within its budget", async ({ page }) => {
  const finished: Request[] = [];
  page.on("requestfinished", (request) => finished.push(request));
  await page.goto("/", { waitUntil: "networkidle" });
  const sizes = await Promise.all(finished.map((request) => request.sizes()));
  const bytes = sizes.reduce((sum, size) => sum + size.responseHeadersSize + size.responseBodySize, 0);
  test.info().annotations.push({ type: "budget", description: `${sizes.length} requests, ${bytes} bytes` });
  process.stdout.write(`first visit: ${sizes.length} requests, ${bytes} bytes over the wire\n`);
  expect(sizes.length).toBeLessThanOrEqual(6);
  expect(bytes).toBeLessThan(100_000);
});

import { expect } from "@playwright/test";
import { accessible, test } from "./checks.ts";

test("an item is added by keyboard, and is still there when the page is loaded again", async ({ page }) => {
  const name = `bolt ${Date.now()}`;
  await page.goto("/");
  await accessible(page);
  await page.getByLabel("Name").focus();
  await page.keyboard.type(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type("3");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toHaveText(`${name} was added.`);
  await expect(page.getByRole("row", { name })).toContainText("3");
  await accessible(page);
  await page.reload();
  await expect(page.getByRole("row", { name })).toBeVisible();
});

test("a field that is wrong is told to everybody", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("button", { name: "Add item" }).click();
  await expect(page.getByLabel("Name")).toBeFocused();
  await expect(page.getByLabel("Name")).toHaveAccessibleDescription(/1 to 100 characters/);
  await accessible(page);
});

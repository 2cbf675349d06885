// Every page, on a desk and on a telephone, light and dark, with what a first day shows: nobody is shut out, nothing is cut off.
//   node every_page.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY
import assert from "node:assert/strict";
import { accessible, createAccount, link, person, step, walk } from "./common.mjs";

const LINE = "acme/demo/packaging/line-1";
const PAGES = [
  "/",
  `/namespace/${LINE}/filler`,
  "/namespace?quality=bad",
  `/point/${LINE}/filler/speed`,
  `/point/${LINE}/capper/legacy_count`,
  "/point/acme/demo/utilities/boiler/setpoint",
  "/connections?name=line-1",
  "/destinations",
  "/commands",
  "/orders",
  "/discover",
  "/configuration?file=connections%2Fboiler.toml",
  "/configuration?add=connection",
  "/events",
  "/timeline",
  "/findings",
  "/assets",
  "/network",
  "/monitor",
  "/query",
  "/audit",
  "/users",
  "/programs",
  "/words",
  "/account",
  "/nothing-is-here",
];
const LOOKS = [
  { width: 1440, height: 900, colorScheme: "light" },
  { width: 1440, height: 900, colorScheme: "dark" },
  { width: 360, height: 740, colorScheme: "light" },
];

async function open(page, address) {
  await page.goto(new URL(address, link).href);
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".loading").length === 0);
}

/** With the keyboard alone: skip the menu, open a branch of the tree, come to a point, close an explanation. */
async function keyboard(page) {
  await open(page, "/namespace");
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "Skip to the content" }).press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  const tree = page.getByRole("treegrid", { name: "Namespace" });
  await tree.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await tree.getByRole("row").filter({ has: page.locator(".twist") }).first().waitFor();
  const active = await tree.getAttribute("aria-activedescendant");
  assert.ok(active && (await page.locator(`[id="${active}"]`).count()) === 1, "the tree says which row is active");
  await open(page, "/connections");
  const term = page.getByRole("button", { name: "Requests/s" }).first();
  await term.focus();
  const tip = page.getByRole("tooltip").filter({ visible: true });
  await tip.waitFor();
  await page.keyboard.press("Escape");
  await tip.waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "boiler", exact: true }).press("Enter");
  await page.getByRole("button", { name: "Pause connection" }).press("Enter");
  await page.getByRole("dialog").waitFor();
  await accessible(page, "a dialog");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Pause connection", "the focus comes back");
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  step("before anybody signs in");
  await open(page, "/signin");
  await accessible(page, "not set up yet");
  await page.goto(link);
  await accessible(page, "set-up");
  await createAccount(page, "iris");
  await page.getByTestId("sentence").waitFor();
  for (const { colorScheme, ...size } of LOOKS) {
    step(`every page at ${size.width} px, ${colorScheme}`);
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const address of PAGES) {
      await open(page, address);
      await accessible(page, `${address} at ${size.width} px, ${colorScheme}`);
    }
  }
  await page.setViewportSize(LOOKS[0]);
  step("with the keyboard alone");
  await keyboard(page);
});

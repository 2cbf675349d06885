// What the walks through the pages share: a browser, people in it, waiting for conditions.
// IRONBRIDGE_PEERS_NODE_DIR holds node_modules with playwright-core; IRONBRIDGE_CHROMIUM names another browser.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const peers = createRequire(join(resolve(process.env.IRONBRIDGE_PEERS_NODE_DIR), "walk.cjs"));
const { chromium } = peers("playwright-core");

const axe = readFileSync(peers.resolve("axe-core/axe.min.js"), "utf8");

const [given, plant, binary] = process.argv.slice(2);
assert.ok(binary, "usage: node WALK.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY");
export const link = given;
export { plant };
export const PASSWORD = "seven quiet bottling lines";

const started = Date.now();
export const elapsed = () => Date.now() - started;
export const step = (name) => console.log(`${(elapsed() / 1000).toFixed(1).padStart(6)} s  ${name}`);
export const ironbridge = (...words) => execFileSync(binary, words, { cwd: plant, encoding: "utf8", timeout: 60_000 });

export const browser = await chromium.launch({
  executablePath: process.env.IRONBRIDGE_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** A page of its own browser profile; everything that goes wrong in it lands in `problems`. */
export async function person(problems, expected = []) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", locale: "en-GB", timezoneId: "Europe/London" });
  context.setDefaultTimeout(60_000);
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => console.error(`content security policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`));
  });
  const page = await context.newPage();
  page.on("pageerror", (e) => problems.push(`exception: ${e.message}`));
  page.on("console", (m) => {
    // The browser repeats in the console what the answers below say with their status.
    if (m.type() === "warning") console.log(`          the browser warns: ${m.text()}`);
    if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) problems.push(`error: ${m.text()}`);
  });
  page.on("response", (r) => {
    const what = `${r.status()} ${r.request().method()} ${new URL(r.url()).pathname}`;
    if (r.status() >= 400 && !expected.includes(what)) problems.push(`answer: ${what}`);
  });
  page.on("requestfailed", (r) => {
    // Leaving a page ends its streams and its open questions.
    const why = r.failure()?.errorText ?? "";
    if (why !== "net::ERR_ABORTED") problems.push(`request: ${why} ${r.method()} ${r.url()}`);
  });
  return page;
}

/** Waits until an attribute of an element fulfils the test; gives its value. */
export async function attribute(locator, name, test, what, limit = 60_000) {
  const end = Date.now() + limit;
  let seen;
  do {
    seen = await locator.getAttribute(name);
    if (seen !== null && test(seen)) return seen;
    await locator.page().waitForTimeout(50);
  } while (Date.now() < end);
  return assert.fail(`${what}: ${name} is ${seen}`);
}

export async function waitFor(test, what, limit = 60_000) {
  const end = Date.now() + limit;
  while (!(await test())) {
    assert.ok(Date.now() < end, what);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The rules of axe (WCAG 2.2 A and AA) on what the page shows now; whatever is serious or worse ends the walk. */
export async function accessible(page, what) {
  // What is evaluated is not subject to the content security policy of the page; a script tag would be.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const words = (v) => `${v.id} (${v.impact}): ${v.nodes.length} x ${v.nodes[0].target} ${v.nodes[0].failureSummary.replace(/\s+/g, " ")}`;
  assert.ok(found.passes.length > 10, `${what}: the rules were applied`);
  assert.deepEqual(found.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map(words), [], what);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wider <= 0, `${what}: ${wider} px wider than the screen`);
}

export async function createAccount(page, name) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the administrator" }).click();
}

/** From the link of a new plant to its first page, as its administrator. */
export async function administrator(page, name) {
  step("the administrator");
  await page.goto(link);
  await createAccount(page, name);
  await page.getByTestId("sentence").waitFor();
}

/** Another page, by its name in the menu. */
export const menu = (page, name) => page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();

/** Walks; says where it was and what the page showed when it fails. */
export async function walk(page, problems, steps) {
  try {
    await steps();
    assert.deepEqual(problems, [], "nothing went wrong behind the pages");
    step("done");
  } catch (e) {
    console.error(`at ${page.url()}\n${problems.join("\n")}`);
    console.error((await page.locator("body").innerText().catch(() => "")).slice(0, 4000));
    if (process.env.IRONBRIDGE_FAILED_SCREENSHOT) await page.screenshot({ path: process.env.IRONBRIDGE_FAILED_SCREENSHOT });
    throw e;
  } finally {
    await browser.close();
  }
}

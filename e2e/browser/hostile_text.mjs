// Text of devices, orders and strangers on every page: shown as text, without signs that turn or hide what stands beside them.
//   node hostile_text.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY
import assert from "node:assert/strict";
import { administrator, link, person, step, walk } from "./common.mjs";

const MARKUP = "<img src=x onerror=alert(1)>";
const POST = "acme/leeds/packaging/post";
/** Pages that show something of it, and those that list everything. */
const SHOWN = [`/point/${POST}/article`, `/namespace/${POST}`, "/orders", "/commands", "/events", "/audit"];
const OTHERS = ["/", "/timeline", "/connections?name=post", "/connections?name=log", "/destinations", "/configuration?file=connections%2Fpost.toml", "/namespace?quality=bad", "/users", "/findings"];

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
page.on("dialog", (d) => problems.push(`a script ran: ${d.message()}`));

async function open(address) {
  await page.goto(new URL(address, link).href);
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".loading").length === 0);
}

async function harmless(address) {
  assert.equal(await page.locator("img[src=x]").count(), 0, `${address}: markup became an element`);
  const text = await page.evaluate(() => document.documentElement.innerText + [...document.querySelectorAll("[title]")].map((e) => e.title).join());
  const bad = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u.exec(text);
  assert.equal(bad, null, `${address}: ${bad && text.slice(Math.max(0, bad.index - 40), bad.index + 20)}`);
}

await walk(page, problems, async () => {
  await administrator(page, "iris");
  step("pages that show it");
  for (const address of SHOWN) {
    await open(address);
    await page.locator("main").getByText(MARKUP).first().waitFor();
    await harmless(address);
  }
  step("all other pages");
  for (const address of OTHERS) {
    await open(address);
    await harmless(address);
  }
  step("an answer in SQL");
  await open("/query");
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText("select path, value_text from samples where value_text is not null limit 50");
  await page.getByRole("button", { name: /^Run/ }).click();
  await page.locator("main").getByText(MARKUP).first().waitFor();
  await harmless("/query");
});

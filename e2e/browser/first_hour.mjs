// The first hour of a newcomer, in a real browser on the real program:
//   node first_hour.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY
// IRONBRIDGE_SCREENSHOT keeps a picture of the first page.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD, attribute, createAccount, elapsed, ironbridge, link, menu, person, plant, step, waitFor, walk } from "./common.mjs";

const LINE = "acme/demo/packaging/line-1";
const NAME = "newcomer";
/** A set-point that nobody else in the demonstration writes: the value written stays. */
const TARGET = { path: "acme/demo/utilities/boiler/setpoint", search: "boiler/setpoint", name: "Pressure set-point", most: /most allowed is 10 bar/ };

async function administrator(page) {
  await page.goto(link);
  await page.getByRole("heading", { name: "Create the administrator" }).waitFor();
  assert.equal(new URL(page.url()).hash, "", "the token leaves the address bar");
  await createAccount(page, NAME);
}

async function firstPage(page) {
  const sentence = page.getByTestId("sentence");
  await sentence.waitFor();
  assert.ok((await sentence.textContent()).trim().length > 20, await sentence.textContent());
  const badge = page.getByTestId("mode-badge");
  assert.match(await badge.textContent(), /^SIMULATED.*Writes are off\./);
  assert.ok(await badge.isVisible());
  for (const unit of ["Filler", "Capper", "Packer"]) await page.locator(".unit").filter({ hasText: unit }).first().waitFor();
  await page.getByRole("region", { name: "Utilities" }).waitFor();
  await page.locator(".unit").filter({ hasText: "Steam boiler" }).getByText("Run").waitFor();
  await page.locator(".unit").filter({ hasText: "Compressed air" }).getByText("Supplying").waitFor();
  assert.equal(await page.getByText("no state point").count(), 0, "every machine of the demonstration has a state");
  await page.locator(".abnormal-title", { hasText: "refuses the address holding 138 (40139)" }).waitFor();
  await page.getByText("Data health").first().waitFor();
  const policy = (await (await page.request.get(link.split("/setup")[0])).headersArray()).find((h) => h.name.toLowerCase() === "content-security-policy");
  assert.match(policy?.value ?? "", /script-src|default-src/);
  assert.doesNotMatch(policy.value, /unsafe-eval|unsafe-inline/);
}

async function linkWorksOnce(problems) {
  const page = await person(problems, ["401 GET /api/session", "401 POST /api/setup"]);
  await page.goto(link);
  await createAccount(page, "intruder");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  const words = (await alert.innerText()).replace(/\s+/g, " ");
  console.log(`          the second time it says: ${words}`);
  assert.match(words, /an administrator exists.*Sign in with name and password/);
  assert.equal(await page.getByTestId("sentence").count(), 0);
  await page.context().close();
}

/** A colleague comes by a one-time link, sets a password without an old one, and comes back with it. */
async function colleague(problems) {
  const made = /\S+\/link#\S+/.exec(ironbridge("user", "add", "vera", "--role", "viewer"));
  assert.ok(made, "the command prints a link");
  const page = await person(problems, ["401 GET /api/session"]);
  await page.goto(made[0]);
  await page.getByRole("heading", { name: "Set your password" }).waitFor();
  assert.equal(await page.getByLabel("Current password").count(), 0);
  await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("New password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByTestId("sentence").waitFor();
  await page.getByRole("link", { name: /^vera, viewer/ }).click();
  await page.getByLabel("Current password").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Name").fill("vera");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: /^vera, viewer/ }).waitFor();
  await page.context().close();
}

async function namespace(page) {
  await menu(page, "Namespace");
  await page.getByRole("treegrid", { name: "Namespace" }).waitFor();
  const parts = `${LINE}/filler`.split("/");
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const row = page.locator(`[data-path="${parts.slice(0, depth).join("/")}"]`);
    await row.waitFor();
    if ((await row.getAttribute("aria-expanded")) === "false") await row.locator(".twist").click();
    await attribute(row, "aria-expanded", (v) => v === "true", parts[depth - 1]);
  }
  const row = page.locator(`[data-path="${LINE}/filler/speed"]`);
  const value = row.locator("[data-value]");
  const first = await value.getAttribute("data-value");
  await attribute(value, "data-value", (v) => v !== first && Number.isFinite(Number(v)), "the value moves in the tree");
  await row.getByRole("link").click();
}

async function point(page) {
  await page.getByRole("heading", { name: "Filler speed", level: 1 }).waitFor();
  const value = page.getByTestId("point-value");
  const first = await value.getAttribute("data-value");
  await attribute(value, "data-value", (v) => v !== first, "the value moves on its page");
  assert.match(await value.textContent(), /\/min/, "a number has its unit");
  assert.match(await page.getByTestId("point-quality").textContent(), /Good/);
}

async function trend(page) {
  const box = page.getByTestId("trend");
  // Both ends at one moment: the window moves.
  const window = () => box.evaluate((e) => [Number(e.dataset.from), Number(e.dataset.to)]);
  const span = async () => ((w) => w[1] - w[0])(await window());
  const until = (test, what) => waitFor(async () => test(await span()), what);
  const samples = (what) => attribute(box, "data-samples", (v) => Number(v) > 0, what);
  await samples("samples at first");
  assert.equal(await span(), 600_000);
  const [, before] = await window();
  await attribute(box, "data-to", (v) => Number(v) > before, "the window moves with the clock");
  await page.getByRole("button", { name: "1 min", exact: true }).click();
  await until((s) => s === 60_000, "a preset narrows the window");
  await samples("samples of a minute");
  const area = await page.locator(".trend .u-over").boundingBox();
  await page.mouse.move(area.x + area.width * 0.9, area.y + area.height / 2);
  for (let i = 0; i < 3; i += 1) await page.mouse.wheel(0, -300);
  await until((s) => s < 50_000, "the wheel zooms in");
  await page.getByRole("button", { name: "10 s", exact: true }).click();
  await until((s) => s === 10_000, "ten seconds");
  await samples("samples of ten seconds");
  await page.getByRole("button", { name: "1 min", exact: true }).click();
  await until((s) => s === 60_000, "a minute again");
  const start = (await window())[0];
  await page.mouse.move(area.x + area.width * 0.8, area.y + 40);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.95, area.y + 60, { steps: 5 });
  await page.mouse.up();
  await until((s) => s > 7_000 && s < 11_000, "a drag chooses its stretch");
  assert.equal(await box.getAttribute("data-follow"), "false");
  assert.ok((await window())[0] > start);
  await samples("samples of the stretch");
  await page.getByRole("button", { name: "Zoom in" }).click();
  await until((s) => s < 6_000, "the button zooms in");
  await page.getByRole("button", { name: "Live", exact: true }).click();
  await attribute(box, "data-follow", (v) => v === "true", "live again");
}

async function badPoint(page) {
  await menu(page, "Namespace");
  await page.getByRole("searchbox").first().fill("legacy_count");
  const row = page.locator(`[data-path="${LINE}/capper/legacy_count"]`);
  await row.getByText("Address refused").waitFor();
  await row.getByRole("link").first().click();
  const quality = page.getByTestId("point-quality");
  await quality.getByText("Address refused").waitFor();
  await quality.getByText("BadConfigurationError").waitFor();
  await page.getByText("The device refuses this address.").waitFor();
  await page.getByText("Next step:").waitFor();
}

async function connections(page) {
  await menu(page, "Connections");
  const all = page.getByRole("table", { name: "All connections" });
  for (const name of ["air", "boiler", "line-1", "palletiser"]) await all.getByRole("link", { name, exact: true }).waitFor();
  const row = all.getByRole("row").filter({ has: page.getByRole("link", { name: "boiler", exact: true }) });
  await waitFor(async () => /[1-9][\d.,]* \/s/.test(await row.textContent()), "requests a second of boiler");
  await row.getByRole("link").click();
  const act = async (verb) => {
    await page.getByRole("button", { name: `${verb} connection` }).click();
    await page.getByRole("dialog").getByRole("button", { name: `${verb} connection boiler` }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  };
  await act("Pause");
  await page.getByRole("button", { name: "Resume connection" }).waitFor();
  await row.getByText(/paused/i).first().waitFor();
  const pressure = ironbridge("points", "acme/demo/utilities/boiler");
  assert.match(pressure, /BadOutOfService/, "points of a paused connection are out of service");
  await act("Resume");
  await page.getByRole("button", { name: "Pause connection" }).waitFor();
  await waitFor(() => !ironbridge("points", "acme/demo/utilities/boiler").includes("BadOutOfService"), "the points come back");
}

async function query(page) {
  await menu(page, "Query");
  await page.getByTestId("sql-editor").waitFor();
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(`SELECT time, value, quality FROM samples WHERE path = '${LINE}/filler/speed' ORDER BY time DESC LIMIT 20`);
  await page.getByRole("button", { name: "Run (Ctrl-Enter)" }).click();
  const summary = page.getByTestId("query-summary");
  await summary.waitFor();
  assert.match(await summary.textContent(), /^20 rows in /);
  await page.getByTestId("query-result").getByText("Good").first().waitFor();
}

function turnWritingOn() {
  const file = join(plant, "ironbridge.toml");
  const text = readFileSync(file, "utf8");
  assert.match(text, /^writes = "off"/m);
  writeFileSync(file, text.replace(/^writes = "off".*$/m, 'writes = "on"'));
  return ironbridge("apply", plant).trim();
}

async function openTarget(page) {
  await menu(page, "Namespace");
  await page.getByRole("searchbox").first().fill(TARGET.search);
  await page.locator(`[data-path="${TARGET.path}"]`).getByRole("link").first().click();
  await page.getByRole("heading", { name: TARGET.name, level: 1 }).waitFor();
}

async function mayNotWriteYet(page) {
  await openTarget(page);
  const write = page.getByRole("button", { name: "Write a value" });
  assert.equal(await write.getAttribute("aria-disabled"), "true", "nobody writes while writing is off");
  console.log(`          the reason: ${(await page.locator(".why-not").first().textContent()).trim()}`);
}

async function write(page) {
  await openTarget(page);
  await page.locator(".point-write button:not([aria-disabled])").waitFor();
  const value = page.getByTestId("point-value");
  const present = Number(await value.getAttribute("data-value"));
  const wanted = present >= 7 ? present - 0.5 : present + 0.5;
  await page.getByRole("button", { name: "Write a value" }).click();
  const dialog = page.getByTestId("write-dialog");
  await dialog.getByLabel(/^New value/).fill("5000");
  await dialog.getByRole("button", { name: "Review" }).click();
  await dialog.getByText(TARGET.most).waitFor();
  await dialog.getByText("Give a reason.").waitFor();
  await dialog.getByLabel(/^New value/).fill(String(wanted));
  await dialog.getByLabel("Reason").fill("less steam is needed");
  await dialog.getByRole("button", { name: "Review" }).click();
  assert.match(await page.getByTestId("write-change").textContent(), new RegExp(`${present} bar.*${wanted} bar`));
  await dialog.getByText("a simulated device").waitFor();
  await dialog.getByRole("button", { name: /^Write \d/ }).click();
  const outcome = page.getByTestId("write-outcome");
  await outcome.waitFor();
  const text = (await outcome.innerText()).replace(/\s+/g, " ");
  console.log(`          ${text}`);
  assert.equal(await outcome.getAttribute("data-outcome"), "Confirmed", text);
  await dialog.getByRole("button", { name: "Close" }).click();
  await attribute(value, "data-value", (v) => Number(v) === wanted, "the new value shows");
  return wanted;
}

async function pastCommand(page, wanted) {
  await menu(page, "Commands");
  const row = page.getByRole("table", { name: "Past commands" }).getByRole("row").filter({ hasText: TARGET.name });
  await row.first().locator('[data-outcome="Confirmed"]').waitFor();
  const text = (await row.first().innerText()).replace(/\s+/g, " ");
  for (const part of [NAME, `${wanted} bar`, "less steam is needed"]) assert.ok(text.includes(part), `${part} in ${text}`);
}

async function audit(page, wanted) {
  await menu(page, "Audit");
  const row = page.getByRole("table", { name: "Audit records" }).getByRole("row").filter({ hasText: TARGET.path }).filter({ hasText: /confirmed/i });
  await row.first().waitFor();
  const record = (await row.first().innerText()).replace(/\s+/g, " ");
  console.log(`          ${record}`);
  for (const part of [NAME, String(wanted), "less steam is needed"]) assert.ok(record.includes(part), `${part} in ${record}`);
  await page.getByRole("button", { name: "Verify the chain now" }).click();
  const verdict = page.getByRole("status").filter({ hasText: "Verified just now" });
  await verdict.waitFor();
  console.log(`          ${await verdict.textContent()}`);
}

async function signOut(page) {
  await page.getByRole("link", { name: new RegExp(`^${NAME}, administrator`) }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByTestId("mode-badge").count(), 0, "nothing of the plant shows after signing out");
}

async function picture(page) {
  const file = process.env.IRONBRIDGE_SCREENSHOT;
  if (!file) return;
  await menu(page, "Overview");
  await page.getByTestId("sentence").waitFor();
  // A plant that has run for a while: states are older than a moment, rates are known.
  await page.waitForTimeout(Math.max(0, 20_000 - elapsed()));
  await page.mouse.move(640, 799);
  await page.screenshot({ path: file, animations: "disabled" });
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  step("the one-time link creates the administrator");
  await administrator(page);
  step("the first page");
  await firstPage(page);
  step("the link does not work twice");
  await linkWorksOnce(problems);
  step("a colleague comes by a link and sets a password");
  await colleague(problems);
  step("the tree, down to a value that moves");
  await namespace(page);
  step("the page of the point");
  await point(page);
  step("zoom: preset, wheel, drag, buttons, live");
  await trend(page);
  step("a bad point says why in words");
  await badPoint(page);
  step("connections: pause and resume");
  await connections(page);
  step("SQL");
  await query(page);
  step("no writing yet");
  await mayNotWriteYet(page);
  await picture(page);
  step("writing is turned on");
  console.log(`          ${turnWritingOn().replace(/\n/g, "\n          ")}`);
  step("a set-point");
  const wanted = await write(page);
  step("the command in the list of past ones");
  await pastCommand(page, wanted);
  step("the audit");
  await audit(page, wanted);
  step("sign out");
  await signOut(page);
});

// An engineer changes the plant from the pages, in a real browser on the real program:
//   node engineer.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { attribute, createAccount, link, person, plant, step, walk } from "./common.mjs";

const FILE = "connections/boiler.toml";
const text = (name) => readFileSync(join(plant, name), "utf8");

async function open(page) {
  await page.goto(link);
  await page.getByRole("heading", { name: "Create the administrator" }).waitFor();
  await createAccount(page, "erin");
  await page.getByTestId("sentence").waitFor();
}

/** A key is changed in the form; the text keeps its comments; nothing happens before it is saved and applied. */
async function configuration(page) {
  await page.getByRole("link", { name: "Configuration", exact: true }).click();
  await page.getByRole("table", { name: "Files of the plant" }).getByRole("link", { name: FILE }).click();
  await page.getByTestId("text-editor").getByText("kind").first().waitFor();
  const before = text(FILE);
  await page.getByRole("button", { name: "Form", exact: true }).click();
  await page.getByText(/more keys, at their defaults/).first().click();
  const retries = page.getByLabel("retries", { exact: true });
  await retries.fill("99");
  await retries.press("Enter");
  await page.getByText("At most 10.").waitFor();
  await retries.fill("2");
  await retries.press("Enter");
  await page.getByRole("button", { name: "Check and compare" }).click();
  const findings = page.getByTestId("findings");
  await findings.getByText("no mistake").waitFor();
  await findings.getByText("+retries = 2").waitFor();
  assert.equal(text(FILE), before, "nothing is written before it is saved");
  await page.getByRole("button", { name: "Save into the plant folder" }).click();
  await page.getByText(/^Saved\./).waitFor();
  assert.ok(text(FILE).includes("retries = 2") && text(FILE).includes("# Steam."), text(FILE));
}

/** The right to write is taken for a machine, shown, and given back; nothing can be written in a new plant. */
async function commands(page) {
  await page.getByRole("link", { name: "Commands", exact: true }).click();
  await page.getByTestId("writes-off").getByText("Writing is off").waitFor();
  await page.getByRole("button", { name: "Take the right to write" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Asset or area").fill("acme/demo/utilities/boiler");
  await dialog.getByLabel("Reason").fill("burner service");
  await dialog.getByRole("button", { name: "Take the right" }).click();
  const row = page.getByRole("table", { name: "Who holds the right to write" }).getByRole("row").filter({ hasText: "burner service" });
  await row.getByText("you").waitFor();
  await row.getByRole("button", { name: /^Give back/ }).click();
  await dialog.getByRole("button", { name: "Give it back" }).click();
  await page.getByText("Nobody holds it").waitFor();
}

/** A mistake is told at its line, with what to write instead, and is not saved. */
async function mistake(page) {
  await page.getByRole("button", { name: "Text", exact: true }).click();
  const content = page.locator(".cm-content");
  await content.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.insertText("hosst = \"10.0.0.1\"\n");
  await page.getByRole("button", { name: "Check and compare" }).click();
  const mistakes = page.getByTestId("mistakes");
  await mistakes.getByText("host").first().waitFor();
  console.log(`          ${(await mistakes.innerText()).replace(/\s+/g, " ")}`);
  await mistakes.getByRole("button", { name: `${FILE}, line 1` }).click();
  assert.equal(await page.getByRole("button", { name: "Save into the plant folder" }).count(), 0);
  await page.getByRole("button", { name: "Take my changes back" }).click();
  await page.getByText("Nothing has changed.").waitFor();
}

/** A new file begins with the sample of its kind. */
async function newFile(page) {
  await page.getByRole("button", { name: "Add a file" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What it describes").selectOption("asset/");
  await dialog.getByLabel("Name").fill("Cold store");
  await dialog.getByRole("button", { name: "Begin with the sample" }).click();
  await page.getByRole("heading", { name: "assets/cold-store.toml" }).waitFor();
  await page.getByRole("table", { name: "Files of the plant" }).getByText("not saved").waitFor();
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText('type = "ColdStore"\npath = "utilities/cold-store"\nname = "Cold store"\nlevel = "area"\n');
  await page.getByRole("button", { name: "Check and compare" }).click();
  await page.getByRole("button", { name: "Save into the plant folder" }).click();
  await page.getByText(/^Saved\./).first().waitFor();
  assert.match(text("assets/cold-store.toml"), /ColdStore/);
}

/** The numbers first, then an explicit yes; what a connection talks to already is left alone. */
async function discover(page) {
  await page.getByRole("link", { name: "Discover", exact: true }).click();
  await page.getByLabel("Addresses", { exact: true }).fill("127.0.0.1\n127.0.0.2-3");
  await page.getByRole("button", { name: "Show what it would send" }).click();
  const sentence = await page.getByTestId("plan-sentence").textContent();
  console.log(`          ${sentence.trim()}`);
  await page.getByText("1 address is left out").click();
  await page.getByRole("region", { name: "What it would send" }).getByText(/connection/).first().waitFor();
  await page.getByRole("button", { name: /^Yes, send up to/ }).click();
  await attribute(page.getByTestId("scan-state"), "data-state", (v) => v === "done", "the look comes to its end");
  console.log(`          ${(await page.getByTestId("scan-state").textContent()).trim()}`);
  await page.getByText("Nothing answered.").waitFor();
}

const problems = [];
const page = await person(problems, ["401 GET /api/session", "404 GET /api/plan"]);
await walk(page, problems, async () => {
  step("the administrator");
  await open(page);
  step("configuration: a key in the form, compared, saved");
  await configuration(page);
  step("configuration: a mistake");
  await mistake(page);
  step("configuration: a new file");
  await newFile(page);
  step("commands: the right to write");
  await commands(page);
  step("discover: numbers, a yes, an end");
  await discover(page);
});

// An engineer changes the plant from the pages, in a real browser on the real program:
//   node engineer.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessible, administrator, attribute, menu, person, plant, step, waitFor, walk } from "./common.mjs";

const FILE = "connections/boiler.toml";
/** A tag list as Kepware writes it. */
const KEPWARE = new URL("../../crates/connect/src/import/cases/kepware-modbus.csv", import.meta.url);
const text = (name) => readFileSync(join(plant, name), "utf8");

const findings = (page) => page.getByTestId("findings");

async function checkAndSave(page) {
  await page.getByRole("button", { name: "Check and compare" }).click();
  await findings(page).getByText("no mistake").waitFor();
  await page.getByRole("button", { name: "Save into the plant folder" }).click();
  await page.getByText(/^Saved\./).first().waitFor();
}

/** What applying would do, and what it did. */
async function apply(page, row, outcome) {
  const changes = page.getByRole("table", { name: "Connections that change" }).getByRole("row").filter({ hasText: row });
  await changes.waitFor();
  console.log(`          ${(await changes.innerText()).replace(/\s+/g, " ")}`);
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Apply it" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  const told = page.getByTestId("apply-outcome");
  await attribute(told, "data-applied", (v) => v === String(outcome), `applied is ${outcome}`);
  const words = (await told.innerText()).replace(/\s+/g, " ");
  console.log(`          ${words}`);
  return words;
}

const nothing = (page) => page.getByTestId("plan-nothing").waitFor();

async function key(page, name, value) {
  const field = page.getByLabel(name, { exact: true }).first();
  await field.fill(value);
  await field.press("Enter");
}

/** A key is changed in the form; the text keeps its comments; nothing happens before it is saved and applied. */
async function configuration(page) {
  await menu(page, "Configuration");
  await page.getByRole("table", { name: "Files of the plant" }).getByRole("link", { name: FILE }).click();
  await page.getByTestId("text-editor").getByText("kind").first().waitFor();
  const before = text(FILE);
  await page.getByRole("button", { name: "Form", exact: true }).click();
  await page.getByText(/more keys, at their defaults/).first().click();
  await key(page, "retries", "99");
  await page.getByText("At most 10.").waitFor();
  await key(page, "retries", "2");
  await page.getByRole("button", { name: "Check and compare" }).click();
  await findings(page).getByText("no mistake").waitFor();
  await findings(page).getByText("+retries = 2").waitFor();
  assert.equal(text(FILE), before, "nothing is written before it is saved");
  await page.getByRole("button", { name: "Save into the plant folder" }).click();
  await page.getByText(/^Saved\./).waitFor();
  assert.ok(text(FILE).includes("retries = 2") && text(FILE).includes("# Steam."), text(FILE));
}

/** It is applied; what would make the plant worse is taken back by itself and says why. */
async function applied(page) {
  assert.match(await apply(page, "boiler", true), /Applied/);
  await nothing(page);
  const port = /^port = (\d+)/m.exec(text(FILE))[1];
  await page.getByRole("button", { name: "Form", exact: true }).click();
  await key(page, "port", "1");
  await checkAndSave(page);
  assert.match(await apply(page, "boiler", false), /Taken back.*Why: .*boiler/);
  await page.getByRole("table", { name: "Connections that change" }).getByText("boiler").waitFor();
  await page.getByRole("button", { name: "Form", exact: true }).click();
  await key(page, "port", port);
  await checkAndSave(page);
  await nothing(page);
}

/** Every kind of file has a form; what is typed there stands in the difference of the file. */
async function forms(page) {
  const add = page.getByRole("button", { name: "Add a file" });
  await add.click();
  const dialog = page.getByRole("dialog");
  const kinds = await dialog.getByLabel("What it describes").locator("option[value*='/']").evaluateAll((all) => all.map((o) => o.value));
  assert.ok(kinds.length > 10, kinds.join());
  await page.keyboard.press("Escape");
  for (const kind of kinds) {
    await add.click();
    await dialog.getByLabel("What it describes").selectOption(kind);
    await dialog.getByLabel("Name").fill("Form-Test");
    await dialog.getByRole("button", { name: "Begin with the sample" }).click();
    await page.getByRole("button", { name: "Form", exact: true }).click();
    const fields = page.locator(".schema-fields");
    await fields.first().waitFor();
    const [sort] = kind.split("/");
    const what = sort === "asset" ? "owner_ot" : "description";
    if (sort === "asset" || sort === "type") await key(page, what, "from the form");
    // A file that another program writes has no devices.
    else if (kind.endsWith("/suricata-eve")) await key(page, "file", "/var/log/form-device.json");
    else {
      // A connection gets one more device, a destination another selection.
      const [map, entry] = sort === "connection" ? ["device", "form-device"] : ["send", ""];
      // What a sample does not name stands behind "more keys".
      await fields.first().evaluate((all) => all.querySelectorAll("details").forEach((one) => (one.open = true)));
      if (entry === "") await page.getByLabel("select", { exact: true }).first().fill("from/the/form/**");
      else {
        await page.getByLabel(`New entry of ${map}`).fill(entry);
        await page.getByRole("button", { name: `Add to ${map}` }).click();
      }
    }
    await page.getByRole("button", { name: "Check and compare" }).click();
    await findings(page).getByText(/^\+.*(from the form|form-device|from\/the\/form)/).first().waitFor();
    await page.getByRole("button", { name: "Throw this draft away" }).click();
    await page.getByRole("heading", { name: /form-test/i }).waitFor({ state: "hidden" });
  }
  console.log(`          ${kinds.length} kinds: ${kinds.join(", ")}`);
}

/** A tag list becomes a draft, is looked at, saved, applied, and goes again. */
async function imported(page) {
  await menu(page, "Discover");
  const panel = page.getByRole("region", { name: "Import a tag list" });
  await panel.getByLabel("Format").selectOption("kepware-csv");
  await panel.getByLabel("File").setInputFiles(fileURLToPath(KEPWARE));
  await panel.getByLabel("Name").fill("imported");
  await panel.getByLabel("Host").fill("127.0.0.9");
  await panel.getByRole("button", { name: "Draft from the file" }).click();
  const draft = panel.getByTestId("draft");
  await draft.getByText("connections/imported.toml").waitFor();
  console.log(`          ${(await draft.locator("p").first().innerText()).trim()}`);
  await draft.getByRole("button", { name: "Review it as a new file" }).click();
  await page.getByRole("heading", { name: "connections/imported.toml" }).waitFor();
  await checkAndSave(page);
  assert.match(text("connections/imported.toml"), /127\.0\.0\.9/);
  assert.match(await apply(page, "imported", true), /opened: imported/);
  await page.getByRole("button", { name: "Remove the file" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove the file" }).click();
  await waitFor(() => !existsSync(join(plant, "connections/imported.toml")), "the file is gone");
  await page.getByRole("button", { name: "Compare again" }).click();
  assert.match(await apply(page, "imported", true), /closed: imported/);
  await nothing(page);
}

/** What a device takes is measured after a yes, looked at, saved, planned with, and taken out again. */
async function measured(page) {
  const file = "measured/palletiser.toml";
  await menu(page, "Connections");
  await page.getByRole("table", { name: "All connections" }).getByRole("link", { name: "palletiser", exact: true }).click();
  const panel = page.getByRole("region", { name: /What this device can take/ });
  await panel.getByRole("button", { name: /^Measure this device/ }).click();
  console.log(`          ${(await panel.getByTestId("measure-plan").locator("p").first().innerText()).trim()}`);
  await panel.getByText("the connection is paused").waitFor();
  await panel.getByRole("button", { name: /^Yes, send up to/ }).click();
  await attribute(panel.getByTestId("measure-run"), "data-state", (v) => v === "done", "the measurement comes to its end", 300_000);
  console.log(`          ${(await panel.getByRole("table", { name: "What was measured" }).innerText()).replace(/\s+/g, " ")}`);
  assert.ok(!existsSync(join(plant, file)), "nothing is written before it is saved");
  await panel.getByRole("button", { name: `Save as ${file}` }).click();
  await panel.getByText("This measurement stands in").waitFor();
  await menu(page, "Configuration");
  await page.getByRole("button", { name: "Compare again" }).click();
  await apply(page, "palletiser", true);
  await nothing(page);
  await page.getByRole("table", { name: "Files of the plant" }).getByRole("link", { name: file }).click();
  await page.getByRole("button", { name: "Remove the file" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove the file" }).click();
  await waitFor(() => !existsSync(join(plant, file)), "the measurement is gone");
  await page.getByRole("button", { name: "Compare again" }).click();
  await apply(page, "palletiser", true);
  await nothing(page);
}

/** The right to write is taken for a machine, shown, and given back; nothing can be written in a new plant. */
async function commands(page) {
  await menu(page, "Commands");
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
  await dialog.getByLabel("Name").fill("Spare room");
  await dialog.getByRole("button", { name: "Begin with the sample" }).click();
  await page.getByRole("heading", { name: "assets/spare-room.toml" }).waitFor();
  await page.getByRole("table", { name: "Files of the plant" }).getByText("not saved").waitFor();
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText('type = "SpareRoom"\npath = "utilities/spare-room"\nname = "Spare room"\nlevel = "area"\n');
  await page.getByRole("button", { name: "Check and compare" }).click();
  await page.getByRole("button", { name: "Save into the plant folder" }).click();
  await page.getByText(/^Saved\./).first().waitFor();
  assert.match(text("assets/spare-room.toml"), /SpareRoom/);
}

/** The numbers first, then an explicit yes; what a connection talks to already is left alone. */
async function discover(page) {
  await menu(page, "Discover");
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

/** From the tree to an asset: its type's promise is kept, its points live; from there to the line it stands in. */
async function asset(page) {
  await page.goto(new URL("/namespace/acme/demo/packaging/line-1/filler", page.url()).href);
  await page.getByRole("treegrid", { name: "Namespace" }).getByRole("link", { name: "Asset Filler" }).click();
  await page.getByRole("heading", { name: "Filler", level: 1 }).waitFor();
  await page.getByTestId("contract").getByText("kept: it has everything that a Filler must have").waitFor();
  const points = page.getByRole("table", { name: "Points of Filler" });
  await points.getByRole("row").filter({ hasText: "speed" }).getByText("a number in /min").waitFor();
  await points.getByRole("row").filter({ hasText: "volume" }).getByText("Good").waitFor();
  await page.getByText("Filler, which is a PackMachine").waitFor();
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  await administrator(page, "erin");
  step("configuration: a key in the form, compared, saved");
  await configuration(page);
  step("apply, and take back what makes it worse");
  await applied(page);
  await page.getByRole("button", { name: "Text", exact: true }).click();
  step("configuration: a mistake");
  await mistake(page);
  step("configuration: a new file");
  await newFile(page);
  step("a form for every kind");
  await forms(page);
  step("import: a tag list, its draft, saved, applied, removed");
  await imported(page);
  step("an asset: type, contract, points");
  await asset(page);
  step("a device is measured, and its measurement removed");
  await measured(page);
  step("commands: the right to write");
  await commands(page);
  step("discover: numbers, a yes, an end");
  await discover(page);
});

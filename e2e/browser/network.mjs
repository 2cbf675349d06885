// The pages about the network, with real packets behind them: what an analyst and an engineer do with a finding.
//   node network.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY CONTROLLER HMI INTRUDER STRANGER PORT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { accessible, administrator, attribute, menu, person, step, waitFor, walk } from "./common.mjs";

const [controller, hmi, intruder, stranger, port] = process.argv.slice(5);
const heading = (page, name) => page.getByRole("heading", { name, level: 1 }).waitFor();
const region = (page, name) => page.getByRole("region", { name, exact: true });
const WIDE = { width: 1440, height: 900 };

/** On a desk and on a telephone, light and dark. */
async function looks(page, what) {
  for (const [size, colorScheme] of [[WIDE, "dark"], [{ width: 360, height: 740 }, "light"], [WIDE, "light"]]) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await accessible(page, `${what} at ${size.width} px, ${colorScheme}`);
  }
}

async function coverage(page) {
  await region(page, "Data health").getByRole("link", { name: "Monitor coverage" }).click();
  await heading(page, "Monitor");
  await page.getByTestId("coverage").getByText("lo").waitFor();
  await region(page, "Interfaces").getByText("listening").waitFor();
  const press = region(page, "Connections of this gateway").getByRole("row").filter({ hasText: "press" });
  await press.getByText("seen", { exact: true }).waitFor();
  await looks(page, "monitor");
}

async function describe(page) {
  await menu(page, "Assets");
  await page.getByRole("searchbox").fill(controller);
  const row = page.getByRole("table", { name: "Assets" }).getByRole("row").filter({ hasText: controller });
  await row.getByText("answers Modbus").waitFor();
  await row.getByRole("link", { name: controller }).click();
  // What it said of itself when the intruder asked.
  await region(page, "What it said of itself").getByRole("row").filter({ hasText: "Acme Presses" }).filter({ hasText: "packet" }).first().waitFor();
  await region(page, "Data touched").getByRole("row").filter({ hasText: "200" }).getByRole("link", { name: intruder }).first().waitFor();
  // What happened to it stands on its page, too.
  await attribute(region(page, "Time line").getByTestId("timeline"), "data-events", (n) => Number(n) > 0, "its own time line has events");
  await page.getByRole("table", { name: "Events" }).getByRole("link", { name: /^Finding IB-/ }).first().waitFor();
  await page.getByRole("button", { name: "Name, zone, note" }).click();
  const dialog = page.getByTestId("asset-dialog");
  await dialog.getByLabel("Name").fill("Press PLC");
  await dialog.getByLabel("Zone").fill("pressing hall");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("up to 64, e.g. line-1").waitFor();
  await dialog.getByLabel("Zone").fill("pressing");
  await dialog.getByLabel("Note").fill("Spare in shelf 3.");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "hidden" });
  await heading(page, "Press PLC");
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByRole("button", { name: "Take the approval back" }).waitFor();
  await page.getByText("Spare in shelf 3.").waitFor();
  // A machine may have several links with another.
  await region(page, "Who talks to it").getByRole("link", { name: hmi }).first().waitFor();
  await looks(page, "an asset");
  // It is the connection's other end, not a second thing.
  await region(page, "What it is").getByRole("link", { name: "press", exact: true }).click();
  await heading(page, "Connections");
}

async function map(page) {
  await menu(page, "Network map");
  const picture = page.getByTestId("map");
  await attribute(picture, "data-nodes", (n) => Number(n) >= 4, "gateway, controller, HMI and intruder are on the map");
  await page.getByLabel("Only with open findings").check();
  await attribute(picture, "data-shown", (n) => Number(n) >= 2 && Number(n) < 5, "the filter leaves those who are concerned");
  await page.getByLabel("Only with open findings").uncheck();
  await page.getByRole("searchbox").fill(intruder);
  const chosen = page.locator("#chosen");
  await chosen.getByRole("link", { name: controller }).first().waitFor();
  await looks(page, "the map");
  await page.getByRole("searchbox").fill("");
  await picture.focus();
  for (const key of ["+", "ArrowLeft", "-", "0"]) await page.keyboard.press(key);
  await page.getByRole("button", { name: "Table", exact: true }).click();
  await page.getByRole("table", { name: "Links on the map" }).getByRole("row").filter({ hasText: intruder }).filter({ hasText: controller }).first().waitFor();
  await page.getByLabel("Zone").selectOption("pressing");
  await page.getByRole("table", { name: "Assets on the map" }).getByRole("row").filter({ hasText: "Press PLC" }).waitFor();
  await looks(page, "the map as a table");
}

/** Somebody new reads registers of the controller that nobody read while it was learned. */
function strange() {
  return new Promise((done, failed) => {
    const socket = connect({ host: controller, port: Number(port), localAddress: stranger }, () => socket.write(Buffer.from([0, 1, 0, 0, 0, 6, 1, 3, 0, 110, 0, 1])));
    socket.once("data", () => socket.end(done));
    socket.once("error", failed);
  });
}

/** From learning to guarding, what is different then, and work that is announced. */
async function normal(page) {
  await menu(page, "Monitor");
  const zone = region(page, "Zones").getByRole("row").filter({ hasText: "pressing" });
  await zone.getByRole("button", { name: "Begin to guard" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("From now on everything that was not seen").waitFor();
  await looks(page, "the dialog that begins to guard");
  await dialog.getByRole("button", { name: "Begin to guard" }).click();
  await dialog.waitFor({ state: "hidden" });
  await zone.getByText("guarding").waitFor();
  await strange();
  const differences = region(page, "Different from what was learned");
  const new_link = differences.getByRole("row").filter({ hasText: "new link" }).filter({ hasText: stranger });
  await new_link.waitFor();
  await looks(page, "what is different");
  await new_link.getByRole("button", { name: "It is normal" }).click();
  await new_link.waitFor({ state: "hidden" });
  const work = region(page, "Expected work");
  await work.getByText("Before somebody downloads a program").waitFor();
  await work.getByRole("button", { name: "Announce work" }).click();
  const form = page.getByTestId("work-dialog");
  await form.getByRole("button", { name: "Announce it" }).click();
  await form.locator(".problem").first().waitFor();
  await form.getByLabel("Who works").fill("Muster GmbH");
  await form.getByLabel("Press PLC").check();
  await form.getByLabel("Ticket or work order").fill("CHG-7");
  await looks(page, "the dialog that announces work");
  await form.getByRole("button", { name: "Announce it" }).click();
  await form.waitFor({ state: "hidden" });
  const row = work.getByRole("row").filter({ hasText: "CHG-7" });
  await row.getByText("announced by iris").waitFor();
  await looks(page, "expected work");
  await row.getByRole("button", { name: "End it now" }).click();
  await dialog.getByRole("button", { name: "End it now" }).click();
  await row.waitFor({ state: "hidden" });
  await work.getByLabel("Also past").check();
  await row.getByText("ended").first().waitFor();
}

/** From the worst finding of the intruder to its packets, and to a decision that stays. */
async function decide(page) {
  await menu(page, "Findings");
  const rows = page.getByRole("table", { name: "Findings" }).getByRole("row").filter({ has: page.getByRole("link", { name: intruder }) });
  await rows.first().getByText("Next step:").waitFor();
  await looks(page, "findings");
  await rows.first().getByRole("link").first().click();
  const state = page.getByTestId("finding-state");
  await attribute(state, "data-state", (s) => s === "open", "it is open");
  await region(page, "What it means").getByText("Next step:").waitFor();
  const waiting = page.waitForEvent("download");
  await page.getByTestId("packets").click();
  const bytes = readFileSync(await (await waiting).path());
  // pcap with micro- or nanoseconds, either byte order.
  assert.ok(["d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d"].includes(bytes.subarray(0, 4).toString("hex")), "a pcap file");
  assert.ok(bytes.length > 100, "with packets in it");
  await looks(page, "a finding");
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByRole("dialog").getByLabel("Note").fill("calling the shift leader");
  await accessible(page, "a dialog of a finding");
  await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
  await attribute(state, "data-state", (s) => s === "acknowledged", "it is acknowledged");
  await region(page, "What was done about it").getByText("calling the shift leader").waitFor();
  await page.getByRole("button", { name: "Mute" }).click();
  const dialog = page.getByTestId("mute-dialog");
  await dialog.getByRole("button", { name: "Mute it" }).click();
  await dialog.getByText("Give a reason").waitFor();
  await dialog.getByLabel("Reason").fill("a test of the monitor");
  await dialog.getByRole("button", { name: "Mute it" }).click();
  await attribute(state, "data-state", (s) => s === "muted", "it is muted");
  await page.reload();
  await attribute(state, "data-state", (s) => s === "muted", "it stays muted");
  await page.getByText("a test of the monitor").first().waitFor();
  await page.getByRole("button", { name: "Unmute" }).click();
  await attribute(state, "data-state", (s) => s === "open" || s === "acknowledged", "it is heard again");
}

async function timeline(page) {
  await menu(page, "Timeline");
  const strip = page.getByTestId("timeline");
  await attribute(strip, "data-events", (n) => Number(n) > 1, "events are on the line");
  const events = page.getByRole("table", { name: "Events" });
  await events.getByText("iris signed in").waitFor();
  await events.getByRole("link", { name: /^Finding IB-/ }).first().waitFor();
  await looks(page, "the time line");
  await page.getByRole("button", { name: "Access", exact: true }).click();
  await waitFor(async () => (await events.getByRole("link", { name: /^Finding IB-/ }).count()) === 0, "only sign-ins are left");
  await events.getByText("iris signed in").waitFor();
  await page.getByRole("button", { name: "Access", exact: true }).click();
  const width = async () => Number(await strip.getAttribute("data-to")) - Number(await strip.getAttribute("data-from"));
  const before = await width();
  await strip.focus();
  await page.keyboard.press("+");
  await waitFor(async () => (await width()) < before, "plus zooms in");
  await page.getByRole("searchbox").fill(intruder);
  await events.getByRole("link", { name: /^Finding IB-/ }).first().click();
  await page.getByTestId("finding-state").waitFor();
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  await page.setViewportSize(WIDE);
  await administrator(page, "iris");
  step("what the monitor sees");
  await coverage(page);
  step("an asset, what it said and who wrote to it");
  await describe(page);
  step("the map, and the same as a table");
  await map(page);
  step("a finding, its packets, a decision");
  await decide(page);
  step("what is normal, and work that is expected");
  await normal(page);
  step("everything in one line");
  await timeline(page);
});

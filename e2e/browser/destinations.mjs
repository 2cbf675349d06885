// A destination on its page: what it says, pause and resume, sending again, and what was refused. On a desk and on a telephone.
//   node destinations.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY
// The database `hq` has refused some values, and takes them now.
import assert from "node:assert/strict";
import { accessible, administrator, ironbridge, link, person, step, waitFor, walk } from "./common.mjs";

const SIZES = [{ width: 1440, height: 900 }, { width: 360, height: 740 }];
const fact = (page, name) => page.getByRole("region", { name: "Destination hq" }).locator("dt").filter({ hasText: name }).locator("xpath=following-sibling::dd[1]");
const rejects = (page) => page.getByRole("region", { name: /Rejects of hq/ });

async function open(page) {
  await page.goto(new URL("/destinations?name=hq", link).href);
  await page.getByRole("heading", { name: "Destination hq" }).waitFor();
}

/** A dialog is asked for, looked at, and agreed to. */
async function agree(page, button, yes, what, fill) {
  await button.click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await accessible(page, what);
  if (fill) await fill(dialog);
  await dialog.getByRole("button", { name: yes }).click();
  await dialog.waitFor({ state: "hidden" });
}

async function facts(page) {
  assert.match(await fact(page, "Lag").innerText(), /\d+ records?/);
  await waitFor(async () => /[1-9]/.test(await fact(page, "Throughput").innerText()), "throughput is shown");
  await waitFor(async () => /ago|now|s/.test(await fact(page, "Last acknowledged").innerText()), "the last acknowledgement is shown");
  await waitFor(async () => /[1-9]\d* there/.test(await fact(page, "Asked what it has").innerText()), "what it was asked for is there");
}

async function pauseAndResume(page) {
  await agree(page, page.getByRole("button", { name: "Pause destination" }), "Pause hq", "the dialog to pause");
  await page.getByRole("button", { name: "Resume destination" }).waitFor();
  await waitFor(async () => /paused/.test(await page.getByRole("table", { name: "All destinations" }).innerText()), "it says that it is paused");
  await waitFor(async () => !/^0 s/.test(await fact(page, "Lag").innerText()), "the lag grows");
  await agree(page, page.getByRole("button", { name: "Resume destination" }), "Resume hq", "the dialog to resume");
  await page.getByRole("button", { name: "Pause destination" }).waitFor();
}

async function sendAgain(page) {
  const hourAgo = new Date(Date.now() - 3_600_000);
  const local = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/London", dateStyle: "short", timeStyle: "medium" }).format(hourAgo).replace(" ", "T");
  const panel = page.getByRole("region", { name: "Destination hq" });
  await agree(page, panel.getByRole("button", { name: "Send again" }), "Send again", "the dialog to send again", (dialog) => dialog.getByLabel(/^From/).fill(local));
  await waitFor(async () => /over/.test(await fact(page, "Sent again").innerText()), "it is over some time");
}

async function letters(page) {
  const table = rejects(page).getByRole("table");
  await table.waitFor();
  assert.match(await table.innerText(), /no_level/, "the reason stands there");
  const rows = await table.getByRole("row").count();
  assert.ok(rows > 3, `${rows} rows`);
  await agree(page, table.getByRole("button", { name: "Drop", exact: true }).first(), "Drop", "the dialog to drop one");
  await waitFor(async () => (await table.getByRole("row").count()) < rows, "one is gone");
  await agree(page, table.getByRole("button", { name: "Send again" }).first(), "Send again", "the dialog to send one again");
  await agree(page, rejects(page).getByRole("button", { name: "Send all again" }), "Send again", "the dialog to send all again");
  await rejects(page).getByText("Nothing that was refused waits here.").waitFor();
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  await administrator(page, "iris");
  for (const size of SIZES) {
    step(`the page at ${size.width} px`);
    await page.setViewportSize(size);
    await open(page);
    await accessible(page, `the destination at ${size.width} px`);
    await facts(page);
    await pauseAndResume(page);
    await sendAgain(page);
  }
  step("what was refused, on the telephone");
  await letters(page);
  await page.setViewportSize(SIZES[0]);
  step("the same on the command line");
  assert.match(ironbridge("destination", "rejects", "hq"), /nothing was refused/);
  await accessible(page, "nothing waits");
});

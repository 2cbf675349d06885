// A person decides on the pages which client of our own OPC UA server is trusted, by its thumbprint:
//   node trust_client.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY CLIENT_CERTIFICATE
// The client was refused once before; the plant has no connection of its own.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { accessible, createAccount, link, person, step, walk } from "./common.mjs";

const [certificate] = process.argv.slice(5);
const own = createHash("sha1").update(readFileSync(certificate)).digest("hex").toUpperCase();
const menu = (page, name) => page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
const certificates = (page) => page.getByRole("region", { name: /Certificates of servers and clients/ });
const shown = async (locator) => (await locator.innerText()).replace(/\s/g, "");

async function decide(page, button, title, answer) {
  await certificates(page).getByRole("button", { name: button }).click();
  const dialog = page.getByRole("dialog", { name: title });
  assert.ok((await shown(dialog)).includes(own), "the dialog shows what to compare");
  await accessible(page, title);
  await dialog.getByRole("button", { name: answer }).click();
  await dialog.waitFor({ state: "hidden" });
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  step("the administrator");
  await page.goto(link);
  await createAccount(page, "otto");
  await page.getByTestId("sentence").waitFor();
  step("a client waits, though nothing is connected yet");
  await menu(page, "Connections");
  await certificates(page).getByText("a client of our own OPC UA server").waitFor();
  await certificates(page).getByText("refused: waits for a decision").waitFor();
  assert.ok((await shown(certificates(page))).includes(own), own);
  step("trusted, not any more, and trusted again");
  await decide(page, /^Trust it/, "Trust this client?", "The thumbprint is right: trust it");
  await certificates(page).getByText("trusted", { exact: true }).waitFor();
  await decide(page, "Trust no more", "Trust this client no more?", "Trust it no more");
  await certificates(page).getByText("refused: waits for a decision").waitFor();
  await decide(page, /^Trust it/, "Trust this client?", "The thumbprint is right: trust it");
  await certificates(page).getByText("trusted", { exact: true }).waitFor();
});

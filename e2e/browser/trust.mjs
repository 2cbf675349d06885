// A person decides on the pages which OPC UA server is trusted, by its thumbprint:
//   node trust.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY SERVER_URL SERVER_CERTIFICATE
// The server takes the user anna with the password swordfish.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, createAccount, link, person, plant, step, walk } from "./common.mjs";

const [url, certificate] = process.argv.slice(5);
const FILE = `kind = "opc-ua"
url = "${url}"
user = "anna"
password = { secret = "press" }
scan = { normal = "100ms" }

[device.press]
namespace = "http://vendor.com/plc"
at = "pressing/press-4"

[device.press.tags]
steady = { at = "s=Press.steady", type = "f64", unit = "kN" }
`;

const menu = (page, name) => page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
const row = (page) => page.getByRole("table", { name: "All connections" }).getByRole("row").filter({ has: page.getByRole("link", { name: "press", exact: true }) });
const certificates = (page) => page.getByRole("region", { name: /Certificates of servers/ });

async function secret(page) {
  await menu(page, "Users, tokens, secrets");
  await page.getByRole("button", { name: "Set a secret" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("press");
  await dialog.getByLabel("Value").fill("swordfish");
  await dialog.getByRole("button", { name: "Set the secret" }).click();
  await dialog.waitFor({ state: "hidden" });
}

async function apply(page) {
  writeFileSync(join(plant, "connections/press.toml"), FILE);
  await menu(page, "Configuration");
  await page.getByRole("table", { name: "Connections that change" }).getByText("press", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Apply it" }).click();
  await page.getByTestId("apply-outcome").getByText("opened: press").waitFor();
}

/** What the page shows is the server's own fingerprint, and nothing is exchanged before the yes. */
async function trust(page) {
  await menu(page, "Connections");
  await certificates(page).getByText("refused: waits for a decision").waitFor();
  await row(page).getByRole("link").click();
  await page.getByText("certificate is not trusted yet").first().waitFor();
  await page.getByRole("link", { name: "Compare the thumbprint and decide" }).waitFor();
  await accessible(page, "a server that waits for trust");
  const own = createHash("sha1").update(readFileSync(certificate)).digest("hex").toUpperCase();
  const shown = (await certificates(page).innerText()).replace(/\s/g, "");
  assert.ok(shown.includes(own), `${own} in ${shown}`);
  await certificates(page).getByRole("button", { name: /^Trust it/ }).click();
  const dialog = page.getByRole("dialog");
  assert.ok((await dialog.innerText()).replace(/\s/g, "").includes(own), "the dialog shows what to compare");
  await dialog.getByRole("button", { name: "The thumbprint is right: trust it" }).click();
  await dialog.waitFor({ state: "hidden" });
  await row(page).getByText("connected").waitFor();
  await page.getByText("Last error, over now").waitFor();
}

async function trustNoMore(page) {
  // The demonstration plant's own server is trusted as well.
  const ours = certificates(page).getByRole("row").filter({ hasText: "asyncua" });
  await ours.getByRole("button", { name: "Trust no more" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Trust it no more" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  // A connection that stands goes on until it is made anew.
  for (const verb of ["Pause", "Resume"]) {
    await page.getByRole("button", { name: `${verb} connection` }).click();
    await page.getByRole("dialog").getByRole("button", { name: `${verb} connection press` }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  await row(page).getByText("lost").waitFor();
  await ours.getByText("refused: waits for a decision").waitFor();
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  step("the administrator");
  await page.goto(link);
  await createAccount(page, "otto");
  await page.getByTestId("sentence").waitFor();
  step("the password of the server as a secret");
  await secret(page);
  step("a connection to a server that nobody knows yet");
  await apply(page);
  step("its thumbprint, and the trust");
  await trust(page);
  step("trusted no more");
  await trustNoMore(page);
});

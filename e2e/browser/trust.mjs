// A person decides on the pages which OPC UA server is trusted, by its thumbprint:
//   node trust.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY SERVER_URL SERVER_CERTIFICATE
// The server takes the user anna with the password swordfish.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { certificates, shows, thumbprint, trust, trustNoMore } from "./certificates.mjs";
import { accessible, administrator, menu, person, plant, step, walk } from "./common.mjs";

const [url, certificate] = process.argv.slice(5);
const own = thumbprint(certificate);
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

const row = (page) => page.getByRole("table", { name: "All connections" }).getByRole("row").filter({ has: page.getByRole("link", { name: "press", exact: true }) });

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
async function decided(page) {
  await menu(page, "Connections");
  await certificates(page).getByText("refused: waits for a decision").waitFor();
  await row(page).getByRole("link").click();
  await page.getByText("certificate is not trusted yet").first().waitFor();
  await page.getByRole("link", { name: "Compare the thumbprint and decide" }).waitFor();
  await accessible(page, "a server that waits for trust");
  await shows(certificates(page), own);
  await trust(page, "server", own);
  await row(page).getByText("connected").waitFor();
  await page.getByText("Last error, over now").waitFor();
}

async function lost(page) {
  // The demonstration plant's own server is trusted as well.
  const ours = certificates(page).getByRole("row").filter({ hasText: "asyncua" });
  await trustNoMore(page, ours, "server", own);
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
  await administrator(page, "otto");
  step("the password of the server as a secret");
  await secret(page);
  step("a connection to a server that nobody knows yet");
  await apply(page);
  step("its thumbprint, and the trust");
  await decided(page);
  step("trusted no more");
  await lost(page);
});

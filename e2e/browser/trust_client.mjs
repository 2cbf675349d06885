// A person decides on the pages which client of our own OPC UA server is trusted, by its thumbprint:
//   node trust_client.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY CLIENT_CERTIFICATE
// The client was refused once before; the plant has no connection of its own.
import { certificates, shows, thumbprint, trust, trustNoMore } from "./certificates.mjs";
import { administrator, menu, person, step, walk } from "./common.mjs";

const own = thumbprint(process.argv[5]);
const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  await administrator(page, "otto");
  step("a client waits, though nothing is connected yet");
  await menu(page, "Connections");
  await certificates(page).getByText("a client of our own OPC UA server").waitFor();
  await certificates(page).getByText("refused: waits for a decision").waitFor();
  await shows(certificates(page), own);
  step("trusted, not any more, and trusted again");
  await trust(page, "client", own);
  await certificates(page).getByText("trusted", { exact: true }).waitFor();
  await trustNoMore(page, certificates(page), "client", own);
  await certificates(page).getByText("refused: waits for a decision").waitFor();
  await trust(page, "client", own);
  await certificates(page).getByText("trusted", { exact: true }).waitFor();
});

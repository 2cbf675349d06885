// What the walks about trust share: the certificates on the page Connections, and deciding about one by its thumbprint.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { accessible } from "./common.mjs";

export const certificates = (page) => page.getByRole("region", { name: /Certificates of servers and clients/ });

/** The thumbprint of the certificate in a file (DER), by other means than ours. */
export const thumbprint = (file) => createHash("sha1").update(readFileSync(file)).digest("hex").toUpperCase();

/** The thumbprint stands where somebody compares it. */
export async function shows(locator, own) {
  const shown = (await locator.innerText()).replace(/\s/g, "");
  assert.ok(shown.includes(own), `${own} in ${shown}`);
}

/** Trusts the client or server of the one certificate that waits, after a look at its thumbprint. */
export async function trust(page, who, own) {
  await certificates(page).getByRole("button", { name: /^Trust it/ }).click();
  await agree(page, `Trust this ${who}?`, "The thumbprint is right: trust it", own);
}

/** Trusts the one in `row` no more. */
export async function trustNoMore(page, row, who, own) {
  await row.getByRole("button", { name: "Trust no more" }).click();
  await agree(page, `Trust this ${who} no more?`, "Trust it no more", own);
}

async function agree(page, title, answer, own) {
  const dialog = page.getByRole("dialog", { name: title });
  await shows(dialog, own);
  await accessible(page, title);
  await dialog.getByRole("button", { name: answer }).click();
  await dialog.waitFor({ state: "hidden" });
}

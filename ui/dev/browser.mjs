// Chromium for the development scripts; CHROMIUM names another one.
import { chromium } from "playwright-core";

export const BASE = process.env.BASE ?? "http://127.0.0.1:4173";
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });

/** A page signed in with a role, that collects what goes wrong. */
export async function open(browser, { width = 1280, height = 800, theme = "light", role = "administrator", size = "normal" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: "reduce" });
  await context.addInitScript((s) => {
    try {
      localStorage.setItem("ironbridge.size", s);
    } catch {
      // about:blank has no storage
    }
    document.addEventListener("securitypolicyviolation", (e) => console.warn(`csp ${e.violatedDirective} ${e.sourceFile}:${e.lineNumber}:${e.columnNumber} ${e.sample}`));
  }, size);
  const page = await context.newPage();
  const problems = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && problems.push(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => problems.push(`exception: ${e.message}`));
  if (role) await context.addCookies([{ name: "role", value: role, url: BASE }]);
  return { page, context, problems };
}

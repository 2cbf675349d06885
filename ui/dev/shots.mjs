// Pictures of every page in three widths and two themes, and the accessibility rules of axe. Start `npm run preview` first.
import { mkdirSync, readFileSync } from "node:fs";
import { BASE, launch, open } from "./browser.mjs";

const L = "acme/ironbridge-works/packaging/line-1";
const PAGES = {
  overview: "/",
  namespace: "/namespace/" + L,
  bad: "/namespace?quality=bad",
  point: `/point/${L}/filler/speed`,
  "point-bad": `/point/${L}/capper/motor-temperature`,
  "point-write": `/point/${L}/filler/target-speed`,
  connections: "/connections?name=line-1",
  destinations: "/destinations?name=hq",
  commands: "/commands",
  discover: "/discover",
  configuration: "/configuration?file=connections%2Fline-1.toml",
  events: "/events",
  timeline: "/timeline",
  network: "/network?view=map",
  "network-chosen": "/network?view=map&asset=10.20.1.11",
  "network-table": "/network?view=table",
  assets: "/assets",
  "seen-asset": "/assets?id=10.20.1.11",
  findings: "/findings",
  finding: "/findings?id=IB-MB-004-5f3a9c01",
  monitor: "/monitor",
  query: "/query",
  audit: "/audit",
  users: "/users",
  words: "/words",
  account: "/account",
  signin: "/signin",
  missing: "/nothing",
};
const only = process.argv[2]?.split(",");
const widths = (process.argv[3] ?? "360,1280,2560").split(",").map(Number);
const themes = (process.argv[4] ?? "light,dark").split(",");
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const browser = await launch();
let faults = 0;
for (const theme of themes) {
  for (const width of widths) {
    for (const [name, path] of Object.entries(PAGES)) {
      if (only && !only.includes(name)) continue;
      const { page, context, problems } = await open(browser, { width, height: width === 360 ? 740 : width === 2560 ? 1440 : 800, theme, role: name === "signin" ? null : "administrator", size: width === 2560 ? "wall" : "normal" });
      await page.goto(BASE + path);
      await page.waitForLoadState("load");
      await page.locator("h1").first().waitFor();
      await page.waitForTimeout(900);
      if (name === "query") {
        await page.getByRole("button", { name: "Average per minute, last hour" }).click();
        await page.getByRole("button", { name: /^Run/ }).click();
        await page.getByTestId("query-summary").waitFor();
        await page.waitForTimeout(300);
      }
      if (name === "point-write") {
        await page.getByRole("button", { name: "Write a value" }).click();
        await page.getByLabel(/^New value/).fill("450");
        await page.getByLabel("Reason").fill("foaming at 480");
        await page.getByRole("button", { name: "Review" }).click();
      }
      await page.screenshot({ path: `${out}${name}-${width}-${theme}.png`, fullPage: name !== "point-write" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) problems.push(`page is ${wide} px wider than the screen`);
      // page.evaluate is not subject to the content security policy of the page; a script tag would be.
      await page.evaluate(axe);
      const result = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      for (const v of result.violations) problems.push(`axe ${v.id} (${v.impact}): ${v.nodes.length}x ${v.nodes[0].target} ${v.nodes[0].failureSummary.replace(/\s+/g, " ").slice(0, 240)}`);
      const real = problems.filter((p) => !(name === "signin" && p.includes("401")));
      faults += real.length;
      for (const p of real) console.log(`${name} ${width} ${theme}: ${p}`);
      await context.close();
    }
  }
}
await browser.close();
console.log(faults === 0 ? "no problem found" : `${faults} problems`);
process.exitCode = faults === 0 ? 0 : 1;

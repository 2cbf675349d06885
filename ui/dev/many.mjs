// How fluid the namespace stays with many points: MOCK_POINTS=100000 npm run preview, then this.
import { BASE, launch, open } from "./browser.mjs";

const browser = await launch();
const { page, problems } = await open(browser, {});
await page.goto(`${BASE}/namespace/acme/ironbridge-works/hall/area-01`);
await page.getByRole("treegrid").waitFor();
await page.waitForTimeout(1500);
// Opens every cell of the first areas, so that thousands of rows are in the list.
for (let i = 1; i <= 40; i += 1) {
  const row = page.locator(`[data-path$="/area-01/cell-${String(i).padStart(2, "0")}"]`);
  await page.getByRole("treegrid").focus();
  if (await row.count()) await row.click();
  else await page.keyboard.press("PageDown");
}
await page.waitForTimeout(500);
const rows = await page.getByRole("treegrid").getAttribute("aria-rowcount");
const result = await page.evaluate(async () => {
  const box = document.querySelector("[role=treegrid]");
  const frames = [];
  let last = performance.now();
  for (let i = 0; i < 180; i += 1) {
    box.scrollTop = (box.scrollHeight * i) / 180;
    await new Promise((r) => requestAnimationFrame(r));
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((a, b) => a - b);
  return { median: frames[90], p95: frames[171], worst: frames[179], nodes: document.querySelectorAll("*").length, heap: performance.memory?.usedJSHeapSize };
});
console.log({ rows, ...result });
const t0 = Date.now();
await page.getByRole("searchbox").fill("sensor-099");
await page.getByRole("grid", { name: "Points found" }).waitFor();
console.log("search until shown, ms", Date.now() - t0, await page.locator(".count").textContent());
const scroll = await page.evaluate(async () => {
  const box = document.querySelector("[role=grid]");
  const frames = [];
  let last = performance.now();
  for (let i = 0; i < 120; i += 1) {
    box.scrollTop += 400;
    await new Promise((r) => requestAnimationFrame(r));
    frames.push(performance.now() - last);
    last = performance.now();
  }
  frames.sort((a, b) => a - b);
  return { median: frames[60], p95: frames[114], worst: frames[119] };
});
console.log("scrolling what was found", scroll, problems);
await browser.close();

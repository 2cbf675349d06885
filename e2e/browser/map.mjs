// The network map of a large plant: how it moves under the hand.
//   node map.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY ASSETS
import assert from "node:assert/strict";
import { accessible, administrator, attribute, menu, person, step, waitFor, walk } from "./common.mjs";

const assets = Number(process.argv[5]);
/** What a slow computer without a graphics card must still reach, in milliseconds between two pictures. */
const FLUID = 100;

/** Pauses between the pictures that the browser shows while something is done, sorted. */
async function pauses(page, what) {
  await page.evaluate(() => {
    window.shown = [];
    const note = (at) => {
      window.shown.push(at);
      window.frame = requestAnimationFrame(note);
    };
    window.frame = requestAnimationFrame(note);
  });
  await what();
  const at = await page.evaluate(() => (cancelAnimationFrame(window.frame), window.shown));
  return at.slice(1).map((time, n) => time - at[n]).sort((a, b) => a - b);
}

/** The picture is one of 500 assets, and the hand moves it. */
async function moves(page) {
  const picture = page.getByTestId("map");
  const { x, y, width, height } = await picture.boundingBox();
  const [left, top] = [x + width / 2, y + height / 2];
  const drag = async () => {
    await page.mouse.move(left, top);
    await page.mouse.down();
    for (let n = 0; n < 90; n++) await page.mouse.move(left + Math.sin(n / 8) * 250, top + Math.cos(n / 8) * 150);
    await page.mouse.up();
  };
  const zoom = async () => {
    for (let n = 0; n < 40; n++) await page.mouse.wheel(0, n % 20 < 10 ? -60 : 60);
  };
  for (const [name, move] of [["moved", drag], ["zoomed", zoom]]) {
    const all = await pauses(page, move);
    const part = (share) => all[Math.floor(all.length * share)];
    step(`${name}: ${all.length} pictures, a new one every ${part(0.5).toFixed(0)} ms, 95 of 100 within ${part(0.95).toFixed(0)} ms`);
    assert.ok(all.length > 5 && part(0.5) < FLUID, `the map is ${name} at ${part(0.5)} ms a picture`);
  }
}

async function sift(page) {
  const picture = page.getByTestId("map");
  const shown = async () => Number(await picture.getAttribute("data-shown"));
  await page.getByLabel("Protocol").selectOption("s7");
  await waitFor(async () => (await shown()) > 0 && (await shown()) < assets, "the filter by protocol leaves its assets");
  await page.getByLabel("Protocol").selectOption("");
  await waitFor(async () => (await shown()) >= assets, "all are there again");
  await page.getByLabel("Zone").selectOption("line-3");
  await waitFor(async () => (await shown()) > 0 && (await shown()) < assets / 2, "the filter by zone leaves its assets");
  await page.getByLabel("Zone").selectOption("*");
  await waitFor(async () => (await shown()) >= assets, "and all again");
}

const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
await walk(page, problems, async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await administrator(page, "iris");
  step("the map");
  await menu(page, "Network map");
  await attribute(page.getByTestId("map"), "data-nodes", (n) => Number(n) >= assets, "all assets are on the map");
  step("moved and zoomed");
  await moves(page);
  step("the filters");
  await sift(page);
  await accessible(page, "a large map");
});

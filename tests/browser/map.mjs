// The map: what a click, a tap and the keyboard do on it, and the map of twenty systems seen at a glance.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { Browser, House, company, logIn, shot, until } from "./house.mjs";

const SYSTEMS = 20;
const LAPTOP = { width: 1280, height: 800 };

/** Of twenty systems each gives four datasets and reads some of others; one of their jobs fails. */
function large({ port, dir, ...rest }) {
  const systems = [...Array(SYSTEMS).keys()];
  const flow = systems.flatMap((system) => [
    `[systems.s${system}]\ntitle = "System ${system}"\nowner = "sales"\nreads_at = "${system} 7 * * *"\n`,
    ...[0, 1, 2, 3].map((one) => {
      const consumers = [1, 3, 8].map((step) => `"s${(system * (one + 1) + step) % SYSTEMS}"`);
      const command = system === 3 && one === 0 ? "exit 3" : 'echo a > \\"$FRESHD_OUTPUT\\"';
      return `[datasets.d${system}-${one}]\nowner = "finance"\nfile = "exports/d${system}-${one}.csv"\nconsumers = [${[...new Set(consumers)]}]
[jobs.j${system}-${one}]\nowner = "finance"\nfrom = "s${system}"\nproduces = "d${system}-${one}"\ncommand = "${command}"\n`;
    }),
  ]);
  return company({ port, dir, ...rest }) + flow.join("");
}

const later = new Date(Date.now() + 3_600_000);
const house = await House.build((built) => {
  writeFileSync(`${built.dir}/wms-is-down`, "");
  return large({ port: built.port, dir: built.dir, exportsAt: later, dueAt: later });
});
const browser = await Browser.open(house);
try {
  house.ask("run", "j3-0", "--wait");
  const status = () => JSON.parse(house.ask("status", "--json").stdout);
  await until("it has failed", () => status().jobs.find((job) => job.name === "j3-0").state === "failing");
  const page = await browser.page({ viewport: LAPTOP });
  await logIn(page, house.base);
  await glance(page);
  await system(page);
  await clicks(page);
  await keys(page);
  await taps();
  await withoutScripts();
  assert.deepEqual(browser.wrong, [], "no page complains");
  console.log("the map leads on");
} finally {
  await browser.close();
  await house.tearDown();
}

/** What is wrong, and where it goes, within one window. */
async function glance(page) {
  await page.goto(`${house.base}/flow`);
  const overview = page.locator(".overview");
  await overview.locator(".node.bad").first().waitFor();
  const [box, window] = [await overview.boundingBox(), page.viewportSize()];
  assert.ok(box.height <= window.height && box.width <= window.width, `one window holds it: ${JSON.stringify(box)}`);
  const bad = await overview.locator(".node.bad title").first().textContent();
  assert.match(bad, /^System 3 \(s3\): gives 4 datasets/, bad);
  assert.ok((await overview.locator(".edge.bad").count()) > 0, "the ways of what is wrong are marked");
  assert.ok(!(await page.locator(".whole .map").isVisible()), "all of the map is folded");
  await shot(page, "map-at-a-glance");
  const found = (await new AxeBuilder({ page }).analyze()).violations;
  assert.deepEqual(found.map((one) => one.id), []);
  // A box unfolds what it feeds.
  await overview.locator(".node.bad").first().click();
  await page.locator(".mapped .map .node[data-id='job:j3-0']").waitFor();
  const ids = await page.locator(".mapped .map .node").evaluateAll((nodes) => nodes.map((node) => node.dataset.id));
  assert.ok(ids.includes("dataset:d3-0") && !ids.includes("job:j4-0"), "only what is connected with it is drawn");
  assert.match(await page.locator("section.chosen").textContent(), /Reads next.*System/, "and its readers are listed");
}

/** A system is all of it, where it gives and where it reads; what is asked for is seen without going on to the map. */
async function system(page) {
  await page.goto(`${house.base}/flow?of=s3`);
  await page.locator("section.chosen h2").getByText("System 3").waitFor();
  const chosen = await page.locator(".mapped .map .node.chosen").evaluateAll((nodes) => nodes.map((node) => node.dataset.id));
  assert.deepEqual(chosen.sort(), ["reader:s3", "source:s3"]);
  // The pointer lights another, and what was asked for is lit once it has gone.
  const lit = () => page.locator(".mapped .map .node.on").count();
  const all = await lit();
  await page.locator(".mapped .map .node[data-id='job:j3-0']").focus();
  assert.ok((await lit()) < all, "a job alone is less");
  await page.evaluate(() => document.activeElement.blur());
  assert.equal(await lit(), all, "all of the system is lit again");
  for (const of of ["s3", "job:j3-0", "dataset:d17-3"]) {
    await page.goto(`${house.base}/flow?of=${of}`);
    const box = await page.locator(".mapped .map .node.chosen").first().boundingBox();
    const told = await page.locator("section.chosen").boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= told.y, `${of} is seen: ${JSON.stringify([box, told])}`);
  }
  await shot(page, "map-without-its-anchor");
}

/** The first click lights and lists, the second follows. */
async function clicks(page) {
  await page.goto(`${house.base}/flow?of=source:s3`);
  const node = page.locator(".mapped .map .node[data-id='job:j3-1']");
  await node.click();
  await page.locator("section.chosen h2").getByText("j3-1").waitFor();
  assert.match(page.url(), /of=job%3Aj3-1/);
  assert.match(await page.locator("section.chosen").textContent(), /finance.*Reads next/s);
  await shot(page, "map-a-job-is-chosen");
  await page.goBack();
  await page.locator("section.chosen h2").getByText("System 3").waitFor();
  await page.goForward();
  await page.locator("section.chosen h2").getByText("j3-1").waitFor();
  await node.click();
  await page.getByRole("heading", { level: 1 }).getByText("j3-1").waitFor();
}

/** The focus lights, Enter lists, Enter again follows, Escape lets go. Readers are told in the order in which they read. */
async function keys(page) {
  await page.goto(`${house.base}/flow?of=source:s3`);
  const node = page.locator(".mapped .map .node[data-id='dataset:d3-2']");
  await node.focus();
  const said = await page.locator("#lit").textContent();
  const times = [...said.matchAll(/(\d\d:\d\d)/g)].map((found) => found[1]);
  assert.ok(times.length > 1, said);
  assert.deepEqual(times, [...times].sort(), `the first one first: ${said}`);
  await page.keyboard.press("Enter");
  await page.locator("section.chosen h2").getByText("d3-2").waitFor();
  const [box, told] = [await node.boundingBox(), await page.locator("section.chosen").boundingBox()];
  assert.ok(box.y >= 0 && box.y + box.height <= told.y, `what has the focus is not covered: ${JSON.stringify([box, told])}`);
  await page.keyboard.press("Escape");
  await page.locator("section.chosen").waitFor({ state: "detached" });
  await page.goto(`${house.base}/flow?of=dataset:d3-2`);
  await node.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1 }).getByText("d3-2").waitFor();
}

/** A tap does what a click does. */
async function taps() {
  const page = await browser.page({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await logIn(page, house.base);
  await page.goto(`${house.base}/flow?of=job:j3-0`);
  const node = page.locator(".mapped .map .node[data-id='dataset:d3-0']");
  await node.tap();
  await page.locator("section.chosen h2").getByText("d3-0").waitFor();
  await shot(page, "map-on-a-phone");
  await page.context().close();
}

/** Without scripts the addresses alone do it. */
async function withoutScripts() {
  const page = await browser.page({ viewport: LAPTOP, javaScriptEnabled: false });
  await logIn(page, house.base);
  await page.goto(`${house.base}/flow?of=source:s3`);
  const node = page.locator(".mapped .map .node[data-id='dataset:d3-1']");
  await node.click();
  await page.locator("section.chosen h2").getByText("d3-1").waitFor();
  await node.click();
  await page.getByRole("heading", { level: 1 }).getByText("d3-1").waitFor();
  await page.context().close();
}

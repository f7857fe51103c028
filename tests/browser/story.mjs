// The bad Friday, by clicks: see it, find the cause on the map, read the log, run the job, watch it turn fresh, see the
// incident closed.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { Browser, House, company, logIn, shot, until } from "./house.mjs";

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000);

const house = await House.build((built) => {
  writeFileSync(`${built.dir}/wms-is-down`, "");
  return company({ port: built.port, dir: built.dir, exportsAt: inSeconds(6), dueAt: inSeconds(9) });
});
const browser = await Browser.open(house);
let ended = false;
try {
  await story();
  assert.deepEqual(browser.wrong, [], "no page complains, and none asks anybody else");
  ended = true;
  console.log("the story ends well");
} finally {
  if (!ended) console.log(house.said);
  await browser.close();
  await house.tearDown();
}

async function story() {
  const page = await browser.page();
  await logIn(page, house.base);

  // It is Friday night. The page is open, and nobody touches it: what goes wrong shows by itself.
  await page.getByText("stock-export").first().waitFor();
  const trouble = page.locator("main");
  await trouble.getByText("failed").first().waitFor();
  await page.locator('main a[href="/datasets/stock"]').first().waitFor();
  await until("the stock is late on the open page", async () => (await trouble.textContent()).includes("late"));
  const now = await trouble.textContent();
  for (const word of ["Warehouse IT", "Sales desk", "Transport portal"]) assert.ok(now.includes(word), `/ names ${word}:\n${now}`);
  await shot(page, "1-what-is-wrong");

  // The map: from the stock to what makes it.
  await page.getByRole("link", { name: "Flow" }).click();
  const wrong = page.locator(".wrong");
  for (const word of ["Wrong now: 1 job and 1 dataset", "stock-export", "Sales desk"]) {
    assert.ok((await wrong.textContent()).includes(word), `the map says ${word}: ${await wrong.textContent()}`);
  }
  const frame = page.locator(".frame");
  assert.ok(await frame.evaluate((box) => box.scrollWidth <= box.clientWidth), "a small company's map fits a laptop");
  await wrong.getByRole("link", { name: "stock", exact: true }).click();
  assert.match(await page.locator("section.chosen").textContent(), /Reads next.*Sales desk.*07:00/, "and of one name who reads it next");
  const stock = page.locator(".map .node").filter({ hasText: "stock" }).first();
  await stock.waitFor();
  await stock.focus();
  await shot(page, "2-the-map");
  const lit = await page.locator(".map .node.on").count();
  assert.ok(lit >= 4, `the map lights what feeds the stock and what it feeds: ${lit}`);
  // The first click lights it and lists who is concerned, the second leads to its page.
  const job = page.locator(".map a").filter({ hasText: "stock-export" }).first();
  await job.click();
  await page.locator("section.chosen h2").getByText("stock-export").waitFor();
  await job.click();
  await page.getByRole("heading", { level: 1 }).filter({ hasText: "stock-export" }).waitFor();

  // The log, with the cause in it.
  await page.locator("main table a[href^='/runs/']").first().click();
  await page.getByText("ORA-12541: TNS:no listener").first().waitFor();
  assert.ok((await page.locator("main").textContent()).includes("attempt 2"), "the output of the last attempt");
  await shot(page, "3-the-log");

  // The incident is taken on, so that nobody else gets up.
  await page.getByRole("link", { name: "Incidents" }).click();
  await page.locator("main table a[href^='/incidents/']").first().click();
  await page.getByLabel("Note").fill("the listener of wms-db is down, I restart it");
  await page.getByRole("button", { name: "Take it on" }).click();
  await page.getByText("the listener of wms-db is down").first().waitFor();
  const life = await page.locator("section[aria-labelledby=timeline]").textContent();
  assert.match(life, /The problem began.*(Told|Explained).*Taken on by maria/s, life);
  await shot(page, "4-taken-on");
  const incident = page.url().split("?")[0];

  // The database answers again, slowly. The job is run by hand, and its page is watched.
  rmSync(house.path("wms-is-down"));
  writeFileSync(house.path("wms-is-slow"), "");
  await page.goto(`${house.base}/jobs/stock-export`);
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator("main").getByText("running").first().waitFor();
  const watching = await browser.page();
  await logIn(watching, house.base);
  await watching.getByRole("link", { name: "Datasets" }).click();
  const row = watching.locator("main tr").filter({ has: watching.locator('a[href="/datasets/stock"]') });
  await row.getByText("late").waitFor();

  // freshd is restarted meanwhile: the run goes on, and both open pages come back by themselves.
  browser.isRestarting = true;
  await house.stop();
  await house.start();
  browser.isRestarting = false;
  rmSync(house.path("wms-is-slow"));
  await row.getByText("fresh").waitFor();
  await shot(watching, "5-fresh-again");
  await page.locator("main").getByText("succeeded").first().waitFor();
  await page.getByText("2 lots exported").first().waitFor();
  await shot(page, "6-the-run-succeeded");

  // And it is over, for everybody who was told.
  const ends = await browser.page();
  await logIn(ends, house.base);
  await ends.goto(incident);
  await ends.locator("main").getByText("resolved").first().waitFor();
  await shot(ends, "7-the-incident-is-over");
  await ends.goto(`${house.base}/`);
  await until("all is well", async () => !(await ends.locator("main").textContent()).includes("late"));
  await shot(ends, "8-all-is-well");
}

// Every page, in each of its states, light and dark, wide and narrow: axe-core finds nothing, and nothing overflows.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { Browser, House, company, logIn, shot, until } from "./house.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
const PATHS = [
  "/",
  "/flow",
  "/flow?of=stock",
  "/datasets",
  "/datasets/stock",
  "/datasets/stock-value",
  "/jobs",
  "/jobs/stock-export",
  "/jobs/stock-value",
  "/runs",
  "/runs/1",
  "/incidents",
  "/incidents/1",
  "/plan",
  "/search?q=stock",
  "/nothing-here",
];

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000);
const house = await House.build((built) => {
  writeFileSync(`${built.dir}/wms-is-down`, "");
  return company({ port: built.port, dir: built.dir, exportsAt: inSeconds(4), dueAt: inSeconds(6) });
});
const browser = await Browser.open(house);
const found = [];
try {
  const status = () => JSON.parse(house.ask("status", "--json").stdout);
  await until("the stock is late", () => status().datasets.some((dataset) => dataset.name === "stock" && dataset.state === "late"));
  await looks("broken");
  await reads();
  rmSync(house.path("wms-is-down"));
  house.ask("run", "stock-export", "--wait");
  await until("all is fresh", () => status().datasets.every((dataset) => dataset.state === "fresh"));
  await looks("well");
  // While a job runs: what goes on is told in places of its own.
  writeFileSync(house.path("wms-is-slow"), "");
  house.ask("run", "stock-export");
  const running = await until("it runs", () => status().jobs.find((job) => job.name === "stock-export").running[0]?.run);
  await looks("running", ["/", "/jobs", "/jobs/stock-export", `/runs/${running}`]);
  rmSync(house.path("wms-is-slow"));
} finally {
  await browser.close();
  await house.tearDown();
}
assert.deepEqual(found, [], found.join("\n"));
console.log("nothing found");

/** What only a browser can tell: links within a table are underlined, and of a long output three lines stand on the first page. */
async function reads() {
  const page = await browser.page({ viewport: WIDE });
  await logIn(page, house.base);
  await page.goto(`${house.base}/runs`);
  const line = await page.locator("td a[href='/runs/1']").first().evaluate((link) => getComputedStyle(link).textDecorationLine);
  if (line !== "underline") found.push(`a link in a table is not underlined: ${line}`);
  await page.goto(`${house.base}/`);
  const lines = await page.locator(".printed").first().evaluate((box) => {
    box.querySelector("code").textContent = "no listener ".repeat(400);
    return box.clientHeight / parseFloat(getComputedStyle(box).lineHeight);
  });
  if (lines < 2.5 || lines > 3.5) found.push(`of a long output ${lines} lines stand on the first page`);
  await page.context().close();
}

async function looks(state, paths = PATHS) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await browser.page({ colorScheme, viewport: WIDE });
    await page.goto(`${house.base}/`);
    await look(page, `${state} ${colorScheme} /login`);
    await logIn(page, house.base);
    for (const at of paths) {
      await page.setViewportSize(WIDE);
      await page.goto(`${house.base}${at}`);
      await look(page, `${state} ${colorScheme} ${at}`);
      await page.setViewportSize(NARROW);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wider > 0) found.push(`${state} ${at}: ${wider} pixels wider than a phone`);
      if (at === "/incidents") {
        const cut = await page.locator(".cards td").evaluateAll((cells) => cells.filter((cell) => cell.getBoundingClientRect().right > innerWidth).length);
        if (cut > 0) found.push(`${state} ${at}: ${cut} cells lie beyond the edge of a phone`);
      }
      await look(page, `${state} ${colorScheme} phone ${at}`);
    }
    await page.context().close();
  }
  // The missing page is an answer of 404, which a browser tells in its console.
  found.push(...browser.wrong.splice(0).filter((words) => !words.includes("/nothing-here")));
}

async function look(page, name) {
  const result = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  for (const violation of result.violations) {
    const where = violation.nodes.slice(0, 3).map((node) => node.target.join(" "));
    found.push(`${name}: ${violation.id} (${violation.help}): ${where.join("; ")}`);
  }
  await shot(page, name.replaceAll(/[^a-z0-9]+/g, "-"));
}

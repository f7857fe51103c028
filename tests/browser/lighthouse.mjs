// Lighthouse: accessibility and best practices are perfect, and performance is what a page without a framework can have.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";
import { CHROMIUM, FLAGS, House, USER, company, until } from "./house.mjs";

const PATHS = ["/", "/flow", "/datasets/stock", "/jobs/stock-export", "/runs/1", "/incidents/1"];
const WANTED = { accessibility: 1, "best-practices": 1, performance: 0.95 };

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000);
const house = await House.build((built) => {
  writeFileSync(`${built.dir}/wms-is-down`, "");
  return company({ port: built.port, dir: built.dir, exportsAt: inSeconds(4), dueAt: inSeconds(6) });
});
const chrome = await launch({ chromePath: CHROMIUM, chromeFlags: ["--headless=new", ...FLAGS] });
const found = [];
try {
  await until("there is an incident", () => JSON.parse(house.ask("incidents", "--json").stdout).incidents.length > 0);
  const cookie = await cookieOf(house);
  for (const path of PATHS) {
    const flags = { port: chrome.port, output: "json", logLevel: "error", extraHeaders: { Cookie: cookie } };
    const { lhr } = await looked(`${house.base}${path}`, { ...flags, onlyCategories: Object.keys(WANTED) });
    const scores = Object.fromEntries(Object.values(lhr.categories).map((category) => [category.id, category.score]));
    console.log(path, JSON.stringify(scores), lhr.audits["largest-contentful-paint"].displayValue);
    const unhappy = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 1);
    for (const [category, least] of Object.entries(WANTED)) {
      if (scores[category] < least) found.push(`${path}: ${category} ${scores[category]}: ${unhappy.map((audit) => audit.id)}`);
    }
    if (lhr.finalDisplayedUrl !== `${house.base}${path}`) found.push(`${path}: looked at ${lhr.finalDisplayedUrl}`);
  }
} finally {
  await chrome.kill();
  await house.tearDown();
}
assert.deepEqual(found, [], found.join("\n"));

/** Lighthouse's word; where a busy machine kept it from measuring, once more. */
async function looked(address, flags) {
  const first = await lighthouse(address, flags);
  const isWhole = Object.values(first.lhr.categories).every((category) => category.score !== null);
  return isWhole ? first : lighthouse(address, flags);
}

/** The session's cookie of a login by form. */
async function cookieOf({ base }) {
  const form = {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: base },
    body: new URLSearchParams({ name: USER.name, password: USER.password, next: "/" }),
  };
  // A connection that was kept may be closed just now.
  const answer = await fetch(`${base}/login`, form).catch(() => fetch(`${base}/login`, form));
  const cookies = answer.headers.getSetCookie();
  assert.ok(cookies.length > 0, `the login is taken: ${answer.status}`);
  return cookies.map((cookie) => cookie.split(";")[0]).join("; ");
}

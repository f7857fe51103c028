// Open pages: they come back whatever stood between, say when they are old, and take nothing away from whoever uses them.

import assert from "node:assert/strict";
import http from "node:http";
import { rmSync, writeFileSync } from "node:fs";
import { Browser, House, company, logIn, shot, until } from "./house.mjs";

const CHATTY = `
[jobs.chatty]
owner = "warehouse"
command = 'i=0; while [ ! -e HOUSE/enough ]; do i=$((i+1)); printf "line %s\\n%.0s" $(seq $((i*50-49)) $((i*50))); sleep 0.2; done'
timeout = "10m"
`;

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000);
const house = await House.build(
  (built) => company({ port: built.port, dir: built.dir, exportsAt: inSeconds(4), dueAt: inSeconds(40) }) + CHATTY.replaceAll("HOUSE", built.dir),
);
const browser = await Browser.open(house);
// What does not answer is what this is about.
browser.isRestarting = true;
const found = [];
const footer = (page) => page.locator("#live").textContent();
const isRunning = (name) => JSON.parse(house.ask("status", "--json").stdout).jobs.find((job) => job.name === name).running[0]?.run;
try {
  const page = await browser.page();
  await logIn(page, house.base);
  await until("all is fresh", () => JSON.parse(house.ask("status", "--json").stdout).datasets.every((dataset) => dataset.state === "fresh"));
  for (const part of [proxied, hung, killed, crowded, written, selected, pointed, grows, another]) {
    try {
      await part(page);
      console.log(`${part.name}: as it should be`);
    } catch (error) {
      console.log(`${part.name}: ${error}`);
      found.push(part.name);
      await page.unrouteAll();
      if (house.process.exitCode !== null) await house.start();
    }
  }
  assert.deepEqual(found, []);
  assert.deepEqual(browser.wrong.filter((words) => !words.includes(": asks ")), []);
} finally {
  writeFileSync(house.path("enough"), "");
  await browser.close();
  await house.tearDown();
}

/** Behind a proxy that says 502 while freshd is restarted. */
async function proxied(page) {
  const proxy = http.createServer((request, response) => {
    const to = { port: house.port, host: "localhost", path: request.url, method: request.method, headers: { ...request.headers, host: `localhost:${house.port}` } };
    const passed = http.request(to, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    passed.on("error", () => response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>502 Bad Gateway</h1>"));
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  });
  proxy.listen(0, "localhost");
  await new Promise((listening) => proxy.once("listening", listening));
  await page.goto(`http://localhost:${proxy.address().port}/`);
  const verdict = page.locator(".verdict h1");
  await until("the page is live", async () => (await footer(page)) === "Live.");
  await verdict.getByText("Everything is as promised").waitFor();
  await house.stop();
  await page.locator("#old").waitFor();
  assert.match(await page.locator("#old").textContent(), /does not answer.*as of \d/);
  assert.match(await verdict.textContent(), /^Unknown since \d/, "a screen on a wall says nothing that may be untrue");
  await shot(page, "live-old");
  // Long enough for the stream to be refused for good.
  await until("the stream was refused", async () => page.evaluate(async () => (await fetch("/events")).status === 502));
  await house.start();
  await until("the page is live again", async () => (await footer(page)) === "Live.");
  assert.equal(await page.locator("#old").count(), 0);
  assert.match(await verdict.textContent(), /Everything is as promised/);
  // And what changes is told again.
  house.ask("pause", "chatty", "--because", "to be seen");
  await page.locator("main tr", { hasText: "chatty" }).getByText("paused").waitFor();
  house.ask("resume", "chatty");
  proxy.closeAllConnections();
  proxy.close();
}

/** A freshd that hangs for longer than an answer may take is asked again soon after. */
async function hung(page) {
  await page.goto(`${house.base}/`);
  await until("the page is live", async () => (await footer(page)) === "Live.");
  house.ask("pause", "chatty", "--because", "to be seen");
  await page.locator("main tr", { hasText: "chatty" }).getByText("paused").waitFor();
  house.process.kill("SIGSTOP");
  try {
    // Asked while nobody answers.
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator("#old").waitFor();
  } finally {
    house.process.kill("SIGCONT");
  }
  const began = Date.now();
  await until("the page is live again", async () => (await footer(page)) === "Live.");
  assert.ok(Date.now() - began < 8_000, `it was old for ${Date.now() - began} ms more`);
  house.ask("resume", "chatty");
}

/** A freshd that was slow to answer and is killed: the page says at once that it is old, and is live soon after the start. */
async function killed(page) {
  let slow = 0;
  await page.route(`${house.base}/jobs`, async (route) => {
    await new Promise((passed) => setTimeout(passed, 2_000));
    await route.fulfill({ response: await route.fetch() });
    slow++;
  });
  await page.goto(`${house.base}/jobs`);
  await until("a renewal was slow", async () => slow > 1 && (await footer(page)) === "Live.");
  await page.unroute(`${house.base}/jobs`);
  const ended = new Promise((done) => house.process.once("exit", done));
  house.process.kill("SIGKILL");
  await ended;
  const began = Date.now();
  await page.locator("#old").waitFor();
  assert.ok(Date.now() - began < 2_000, `it said "Live." for ${Date.now() - began} ms`);
  await house.start();
  await until("the page is live again", async () => (await footer(page)) === "Live.");
}

/** Where no place is left to listen, the page asks by itself, and listens again when there is one. */
async function crowded(page) {
  await page.route("**/events*", (route) => route.fulfill({ status: 503, body: "enough browsers listen already\n" }));
  await page.goto(`${house.base}/`);
  await until("the page renews itself", async () => (await footer(page)) === "Renewed every 5 seconds.");
  house.ask("pause", "chatty", "--because", "to be seen");
  await page.locator("main tr", { hasText: "chatty" }).getByText("paused").waitFor();
  house.ask("resume", "chatty");
  assert.equal(await page.locator("#old").count(), 0, "what is renewed is not old");
  await page.unroute("**/events*");
  await until("the page is live", async () => (await footer(page)) === "Live.");
}

/** What is open, typed and focused stays while the page changes around it. */
async function written(page) {
  await page.goto(`${house.base}/jobs/stock-value`);
  const before = await page.locator("main table a[href^='/runs/']").count();
  await page.locator("summary", { hasText: "Silence" }).click();
  const why = page.getByLabel("Why nobody should be told");
  await why.fill("the database is mo");
  await until("the page is live", async () => (await footer(page)) === "Live.");
  house.ask("run", "stock-value", "--wait");
  await until("the new run is on the page", async () => (await page.locator("main table a[href^='/runs/']").count()) > before);
  assert.ok(await page.locator("details").evaluate((details) => details.open), "the form is still open");
  await page.keyboard.type("ved");
  assert.equal(await why.inputValue(), "the database is moved", "and whoever types goes on");
  // Focus on what has no address of its own, and on the second of two links that lead to the same place.
  for (const name of ["summary", "section[aria-labelledby=output] a[href^='/runs/']"]) {
    await page.locator(name).first().focus();
    const runs = await page.locator("main table a[href^='/runs/']").first().textContent();
    house.ask("run", "stock-value", "--wait");
    await until("the page has changed", async () => (await page.locator("main table a[href^='/runs/']").first().textContent()) !== runs);
    assert.ok(await page.locator(name).first().evaluate((one) => one === document.activeElement), `${name} keeps the focus`);
  }
}

/** Whoever reads above the end of one run's output is not shown it as that of the next. */
async function another(page) {
  house.ask("run", "chatty");
  const first = await until("it runs", () => isRunning("chatty"));
  await page.goto(`${house.base}/jobs/chatty`);
  const log = page.locator(".log");
  await until("it has printed enough to scroll", async () => (await log.count()) > 0 && (await log.evaluate((box) => box.scrollHeight > box.clientHeight + 200)));
  await log.evaluate((box) => (box.scrollTop = 0));
  const before = await log.getAttribute("data-id");
  assert.ok(before.startsWith(String(first)), before);
  writeFileSync(house.path("enough"), "");
  await until("it is over", () => !isRunning("chatty"));
  house.ask("run", "chatty", "--wait");
  // The next run prints nothing at all.
  await until("the lines of the run before are gone", async () => (await log.count()) === 0);
  rmSync(house.path("enough"));
}

/** Whoever selects is not disturbed, and is told so. */
async function selected(page) {
  await page.goto(`${house.base}/`);
  await until("the page is live", async () => (await footer(page)) === "Live.");
  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector(".verdict .lead")));
  house.ask("pause", "chatty", "--because", "to be seen");
  await until("the page says that it waits", async () => (await footer(page)) === "Paused while you select.");
  await page.evaluate(() => getSelection().removeAllRanges());
  await page.locator("main tr", { hasText: "chatty" }).getByText("paused").waitFor();
  assert.equal(await footer(page), "Live.");
  house.ask("resume", "chatty");
}

/** A pointer that rests on the map does not hold it, and what it lights stays lit. */
async function pointed(page) {
  await page.goto(`${house.base}/flow`);
  await page.locator(".map .node[data-id='dataset:stock']").hover();
  const node = page.locator(".map .node[data-id='job:chatty']");
  house.ask("pause", "chatty", "--because", "to be seen");
  await node.locator(".kind").getByText("paused").waitFor();
  const lit = await page.locator(".map .node.on").count();
  assert.ok(lit >= 4, `what the pointer rests on is still lit: ${lit}`);
  const said = await page.locator("#lit").textContent();
  assert.match(said, /Warehouse IT.*answer.*Next to read: .*Sales desk .*\d/, said);
  house.ask("resume", "chatty");
}

/** A log that grows quickly: whoever reads above sees the same lines, whoever is at its end the newest. */
async function grows(page) {
  house.ask("run", "chatty");
  const run = await until("it runs", () => isRunning("chatty"));
  await page.goto(`${house.base}/runs/${run}`);
  const log = page.locator(".log");
  const last = () => log.evaluate((box) => Number(box.lastElementChild.dataset.line));
  const isAtEnd = () => log.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 4);
  // Longer than what a page shows at once.
  await until("it has printed a lot", async () => (await last()) > 2_500);
  assert.ok(await isAtEnd(), "the end is followed");
  await log.evaluate((box) => (box.scrollTop = box.scrollHeight / 2));
  const topLine = () =>
    log.evaluate((box) => {
      const top = box.getBoundingClientRect().top;
      return [...box.children].find((line) => line.getBoundingClientRect().bottom > top).textContent;
    });
  const [read, end] = [await topLine(), await last()];
  await until("it has printed more", async () => (await last()) > end + 600);
  assert.equal(await topLine(), read, "the line that is read stays in view");
  await log.evaluate((box) => (box.scrollTop = box.scrollHeight));
  const then = await last();
  await until("the end is followed again", async () => (await last()) > then + 100 && (await isAtEnd()));
  writeFileSync(house.path("enough"), "");
  await page.locator("main").getByText("succeeded").first().waitFor();
  rmSync(house.path("enough"));
}

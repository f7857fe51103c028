// A freshd of its own, with the company of the story, and a browser that watches what its pages do.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const PROGRAM = process.env.FRESHD_PROGRAM;
export const CHROMIUM = process.env.FRESHD_CHROMIUM;
const SHOTS = process.env.FRESHD_SHOTS;
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];
/** How long anything may take that a machine with other work does. */
const PATIENCE_MS = 60_000;

/** Who logs in. */
export const USER = { name: "maria", password: "cod and haddock, 22:00" };

/** A port that nobody has just now. */
async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** What freshd says to these words. */
export function ask(args, input = "") {
  const said = spawnSync(PROGRAM, args, { input, encoding: "utf8" });
  if (said.error) throw said.error;
  return said;
}

/** A directory with jobs.toml in it, and the freshd that serves it. */
export class House {
  static async build(jobsToml) {
    const house = new House();
    house.dir = mkdtempSync(path.join(tmpdir(), "freshd-browser-"));
    house.port = await freePort();
    house.base = `http://localhost:${house.port}`;
    const hash = ask(["password"], `${USER.password}\n`).stdout.trim();
    mkdirSync(house.path("exports"));
    writeFileSync(house.path("password"), hash, { mode: 0o600 });
    writeFileSync(house.path("jobs.toml"), jobsToml(house));
    await house.start();
    return house;
  }

  path(name) {
    return path.join(this.dir, name);
  }

  /** Asks the running freshd. */
  ask(...words) {
    return ask(["--config", this.path("jobs.toml"), "--state", this.path("state"), ...words]);
  }

  async start() {
    this.said = "";
    this.process = spawn(PROGRAM, ["--config", this.path("jobs.toml"), "--state", this.path("state"), "serve"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.process.stderr.on("data", (text) => (this.said += text));
    await until("freshd answers", async () => {
      if (this.process.exitCode !== null) throw new Error(`freshd has ended:\n${this.said}`);
      const answer = await fetch(`${this.base}/login`).catch(() => null);
      return answer?.ok;
    });
  }

  async stop() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
  }

  async tearDown() {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Asks again until it is so, and says what was waited for where it never is. */
export async function until(what, isSo) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await isSo();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

/** A browser, and what its pages complained of or asked of others. */
export class Browser {
  static async open(house) {
    const opened = new Browser();
    opened.house = house;
    opened.wrong = [];
    opened.browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    return opened;
  }

  /** A page of its own kind: { colorScheme, viewport }. */
  async page(kind = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...kind });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.wrong.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        // What does not answer while freshd is restarted is for the page to say.
        if (!this.isRestarting) this.wrong.push(`${page.url()}: console: ${message.text()}`);
      }
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(`${this.house.base}/`)) this.wrong.push(`${page.url()}: asks ${request.url()}`);
    });
    return page;
  }

  async close() {
    await this.browser.close();
  }
}

/** Logs in as a person would, by the keyboard. */
export async function logIn(page, base) {
  await page.goto(`${base}/`);
  await page.getByLabel("Name").fill(USER.name);
  await page.getByLabel("Password").fill(USER.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1 }).filter({ hasNotText: "Log in" }).waitFor();
}

export async function shot(page, name) {
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
}

/** The company: its warehouse exports the stock once, at a second that is near, and never by itself again. */
export function company({ port, dir, dueAt, exportsAt }) {
  const cron = (at) =>
    `${at.getUTCSeconds()} ${at.getUTCMinutes()} ${at.getUTCHours()} ${at.getUTCDate()} ${at.getUTCMonth() + 1} *`;
  return `
timezone = "UTC"
run_as_root = true

[web]
listen = "127.0.0.1:${port}"

[web.auth.users.${USER.name}]
password = { file = "password" }
scope = "operate"

[alerts]
group_wait = "1s"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.warehouse]
title = "Warehouse IT"
notify = ["outbox"]
[teams.sales]
notify = ["outbox"]
[teams.logistics]
notify = ["outbox"]
[teams.finance]
notify = ["outbox"]

[systems.wms]
title = "Warehouse system"
owner = "warehouse"
[systems.sales]
title = "Sales desk"
owner = "sales"
reads_at = "0 7 * * MON-FRI"
[systems.transport]
title = "Transport portal"
owner = "logistics"
reads_at = "30 7 * * MON-FRI"
[systems.finance]
title = "Finance"
owner = "finance"
reads_at = "0 9 * * MON"

[datasets.stock]
title = "Stock per lot"
owner = "warehouse"
file = "exports/stock.csv"
consumers = ["sales", "transport"]
due = { at = "${cron(dueAt)}", seconds = true, grace = "1s", early = "10m" }

[datasets.stock.checks]
format = "csv"
rows = { min = 1 }

[datasets.stock-value]
title = "Value of the stock"
owner = "finance"
file = "exports/stock-value.csv"
consumers = ["finance"]
max_age = "1d"

[jobs.stock-export]
title = "Friday stock export"
owner = "warehouse"
from = "wms"
command = '''
echo "connecting to wms-db.seafood.example"
if [ -e ${dir}/wms-is-down ]; then
    printf '\\033[31mORA-12541: TNS:no listener\\033[0m (attempt %s)\\n' "$FRESHD_ATTEMPT" >&2
    exit 3
fi
while [ -e ${dir}/wms-is-slow ]; do sleep 0.1; done
printf 'lot,qty_kg\\nL100001,1200\\nL100002,80\\n' > "$FRESHD_OUTPUT"
echo "2 lots exported"
'''
schedule = "${cron(exportsAt)}"
seconds = true
produces = "stock"
timeout = "5m"
retry = { attempts = 2, delay = "300ms" }

[jobs.stock-value]
title = "Value of the stock, by lot"
owner = "finance"
needs = ["stock"]
produces = "stock-value"
command = "sed s/qty_kg/eur/ \\"$FRESHD_INPUT_STOCK\\" > \\"$FRESHD_OUTPUT\\""
on = ["stock"]
`;
}

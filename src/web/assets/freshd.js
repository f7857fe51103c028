// Keeps an open page as it would be now, and lights what feeds what on the map. Every page works without it.

/** Between two fetches, and between two looks whether somebody still selects. */
const PAUSE_MS = 2_000;
/** Where nothing tells of changes, the page is fetched this often. */
const POLL_MS = 5_000;
/** freshd speaks twice a minute at least; a stream that is silent for longer is dead. */
const SILENCE_MS = 45_000;
/** How long an answer may take. */
const ANSWER_MS = 10_000;
/** The longest that whoever was slow to answer is left alone. */
const REST_MS_MAX = 10_000;
/** The first pause after a failure and the longest; each is twice as long as the one before. */
const RETRY_MS = 2_000;
const RETRY_MS_MAX = 30_000;
/** How long a selection that stays as it is holds the page as it is. */
const SELECTED_MS = 60_000;
/** Lines of an output that are gathered while somebody reads above its end. */
const LINES_MAX = 20_000;

const grown = (tries) => Math.min(RETRY_MS * 2 ** tries, RETRY_MS_MAX) * (0.75 + Math.random() / 2);

// -- When the page is fetched

let timer = null;
let due = Infinity;
/** No fetch before. */
let rested = 0;
let isFetching = false;
let isAsked = false;
let failures = 0;

/** Fetches the page after so long, or sooner where that was wanted already; never without a pause. */
function wake(after) {
  if (isFetching) {
    isAsked = true;
    return;
  }
  const at = Math.max(Date.now() + after, rested);
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(again, at - Date.now());
}

/** Fetches this page again and makes what stands here equal to it. */
async function again() {
  due = Infinity;
  if (document.hidden) return;
  const reason = busy();
  if (reason) {
    rested = Date.now() + PAUSE_MS;
    say(`Paused while you ${reason}.`);
    return wake(0);
  }
  const began = Date.now();
  isFetching = true;
  const isRenewed = await renew().catch(() => false);
  isFetching = false;
  failures = isRenewed ? 0 : failures + 1;
  // Whoever is slow to answer is asked less often. After no answer the pauses grow by themselves.
  const rest = isRenewed ? Math.min(10 * (Date.now() - began), REST_MS_MAX) : 0;
  rested = Date.now() + PAUSE_MS + rest;
  if (isRenewed) {
    say(isTold ? "Live." : `Renewed every ${POLL_MS / 1000} seconds.`);
    wake(isAsked ? 0 : isTold ? SILENCE_MS : POLL_MS);
  } else {
    markOld();
    wake(grown(failures - 1));
  }
  isAsked = false;
}

/** Whether what stands here is what freshd says now. */
async function renew() {
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html" },
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  // The session is over: the page to log in again says so better than this one.
  if (answer.redirected) location.reload();
  if (!answer.ok && answer.status !== 404) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // A proxy may answer in place of freshd.
  if (!fresh.getElementById("live")) return false;
  markRenewed();
  for (const part of ["main", "footer"]) become(document.querySelector(part), fresh.querySelector(part));
  document.title = fresh.title;
  light(lit);
  clear();
  return true;
}

let selectedAt = 0;
let pressedAt = -Infinity;

/** What somebody does that a new content would disturb. */
function busy() {
  // A click is both: what is pressed must be there when it is let go.
  if (Date.now() < pressedAt + ANSWER_MS) return "press";
  if (!getSelection().isCollapsed && Date.now() < selectedAt + SELECTED_MS) return "select";
  return null;
}

// -- What the page says of itself

function say(words) {
  const live = document.getElementById("live");
  if (live && live.textContent !== words) live.textContent = words;
}

/** What could not be renewed is not shown as if it were true. */
function markOld() {
  say("Not live.");
  if (document.getElementById("old")) return;
  const since = document.querySelector("footer time");
  const words = since ? `freshd does not answer. What stands here is as of ${since.textContent}, and may be untrue by now.` : "freshd does not answer.";
  const notice = document.createElement("p");
  notice.id = "old";
  notice.className = "alarm";
  notice.setAttribute("role", "alert");
  notice.textContent = words;
  document.querySelector("main").before(notice);
  document.body.classList.add("old");
  document.title = `Old: ${document.title}`;
  const verdict = document.querySelector(".verdict h1 span");
  if (verdict) verdict.textContent = `Unknown since ${since?.textContent}`;
}

function markRenewed() {
  document.getElementById("old")?.remove();
  document.body.classList.remove("old");
}

// -- How the page becomes what it should be: what stays keeps its focus, its scroll, what is open, selected and typed

/** By what a node is known again among its siblings; nothing for most. */
function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  const name = node.id || node.dataset.id || node.getAttribute("aria-labelledby") || node.getAttribute("href") || node.getAttribute("action");
  if (name) return `${node.nodeName} ${name}`;
  // A row is what it leads to, and so is an incident.
  if (node.matches("tr, li, article")) {
    const first = node.querySelector("a[href]");
    return first && `${node.nodeName} ${first.getAttribute("href")}`;
  }
  return null;
}

/** The keys of the children; one that two of them have is nobody's. */
function keyed(parent) {
  const known = new Map();
  for (const child of parent.childNodes) {
    const key = keyOf(child);
    if (key) known.set(key, known.has(key) ? null : child);
  }
  return known;
}

function become(old, now) {
  if (old.isEqualNode(now) && !old.querySelector("[open]")) return;
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  // What this script writes there is its own.
  if (old.id === "live") return;
  if (old.matches(".log")) return becomeLog(old, now);
  becomeChildren(old, now);
}

function becomeChildren(old, now) {
  const [before, after] = [keyed(old), keyed(now)];
  const keyIn = (keys, node) => {
    const key = keyOf(node);
    return key && keys.get(key) === node ? key : null;
  };
  for (const [key, child] of before) {
    if (!child || after.get(key)) continue;
    // What has the focus and leads elsewhere now, in the same place, is still the same to whoever is there.
    const heir = child === document.activeElement ? now.childNodes[[...old.childNodes].indexOf(child)] : null;
    const heirKey = heir && keyIn(after, heir);
    if (heirKey && heir.nodeName === child.nodeName && !before.get(heirKey)) before.set(heirKey, child);
    else child.remove();
  }
  let at = old.firstChild;
  for (const next of [...now.childNodes]) {
    const key = keyIn(after, next);
    let same = key ? before.get(key) : null;
    if (!key) {
      const isAlike = (node) => node.nodeName === next.nodeName && node.className?.toString() === next.className?.toString() && !keyIn(before, node);
      const isWanted = at && !keyIn(before, at) && [...now.childNodes].some((node) => node.nodeName === at.nodeName);
      same = at && isAlike(at) ? at : null;
      // Nothing stands there any more: what comes behind it may be the one.
      if (!same && at && !isWanted && !keyIn(before, at)) {
        for (same = at; same && !isAlike(same); same = same.nextSibling);
        while (same && at !== same) {
          const gone = at;
          at = at.nextSibling;
          if (!keyIn(before, gone)) gone.remove();
        }
      }
    }
    if (!same) {
      old.insertBefore(document.adoptNode(next), at);
      settle(next);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    if (same.nodeType === Node.ELEMENT_NODE) become(same, next);
    else if (same.nodeValue !== next.nodeValue) same.nodeValue = next.nodeValue;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Follows the end of an output for whoever is there; for whoever reads above nothing moves, and new lines come below. */
function becomeLog(old, now) {
  const isAtEnd = old.scrollHeight - old.scrollTop - old.clientHeight < 4;
  if (isAtEnd) {
    old.replaceChildren(...now.childNodes);
    old.scrollTop = old.scrollHeight;
    return;
  }
  const last = Number(old.lastElementChild?.dataset.line ?? -1);
  const more = [...now.children].filter((line) => Number(line.dataset.line) > last);
  if (more.length === 0 || old.childElementCount > LINES_MAX) return;
  const skipped = Number(more[0].dataset.line) - last - 1;
  if (skipped > 0) {
    const gap = document.createElement("div");
    gap.className = "line";
    gap.dataset.line = String(last);
    gap.append(Object.assign(document.createElement("em"), { textContent: `… ${skipped} lines are left out here …` }));
    old.append(gap);
  }
  old.append(...more);
}

/** What grows is read from its end: the newest run, the last line. */
function settle(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const all = [node, ...node.querySelectorAll(".endless, .log")];
  for (const box of all.filter((one) => one.matches(".endless"))) box.scrollLeft = box.scrollWidth;
  for (const box of all.filter((one) => one.matches(".log"))) box.scrollTop = box.scrollHeight;
}

// -- Who tells of changes

/** Something tells of changes just now. */
let isTold = false;
let events = null;
let tries = 0;
let reopening = null;

function listen() {
  clearTimeout(reopening);
  events?.close();
  // A run that goes on tells of each line that it prints.
  const run = document.querySelector("[data-run]")?.dataset.run;
  const opened = new EventSource(run ? `/events?run=${run}` : "/events");
  events = opened;
  opened.addEventListener("changed", () => wake(0));
  opened.addEventListener("open", () => {
    tries = 0;
    isTold = true;
    if (failures === 0) say("Live.");
    // What has happened meanwhile was told to nobody.
    wake(0);
  });
  opened.addEventListener("error", () => {
    // Whoever told of changes may be gone: whether it answers is seen at once.
    if (isTold) renewSoon();
    isTold = false;
    wake(0);
    // Any other answer than a stream closes it for ever: of a proxy while freshd is restarted, or where no place is left.
    if (opened.readyState === EventSource.CLOSED && events === opened) reopening = setTimeout(listen, grown(tries++));
  });
}

/** A page that nobody sees keeps no connection from others: a browser has six for all its pages. */
function sleepOrWake() {
  if (document.hidden) {
    clearTimeout(reopening);
    events?.close();
    events = null;
    isTold = false;
  } else {
    listen();
    wake(0);
  }
}

// -- The map

/** The node that is lit, where somebody points at one or has the focus on it. */
let lit = null;
/** Something else was chosen since the page was renewed. */
let isChosen = false;

/** Lights a node with all that feeds it and all that it feeds, on each map that has it; none: what the address asks for. */
function light(id) {
  lit = id;
  document.querySelectorAll(".map").forEach((map) => lightOn(map, id));
}

function lightOn(map, id) {
  map.querySelectorAll(".on").forEach((one) => one.classList.remove("on"));
  const words = map.closest(".mapped")?.querySelector("#lit");
  const edges = [...map.querySelectorAll(".edge")];
  const nodes = new Map([...map.querySelectorAll(".node")].map((node) => [node.dataset.id, node]));
  // A system that gives and reads is chosen as two.
  const of = (id === null ? [...map.querySelectorAll(".node.chosen")].map((one) => one.dataset.id) : [id]).filter((one) => nodes.has(one));
  map.classList.toggle("lit", of.length > 0);
  if (of.length === 0) return tell(words, null, []);
  for (const [here, there] of [["from", "to"], ["to", "from"]]) {
    const seen = new Set(of);
    for (const at of seen) {
      for (const edge of edges) {
        if (edge.dataset[here] !== at) continue;
        edge.classList.add("on");
        seen.add(edge.dataset[there]);
      }
    }
    seen.forEach((one) => nodes.get(one)?.classList.add("on"));
  }
  tell(words, nodes.get(of[0]), [...map.querySelectorAll(".node.on")]);
}

/** Says in words what is lit: the node, who answers for all of it, and who reads it when. */
function tell(place, node, all) {
  if (!place) return;
  const owners = [...new Set(all.map((one) => one.dataset.owner))].join(", ");
  const readers = all
    .filter((one) => one.dataset.reads)
    .sort((one, other) => one.dataset.readsAt - other.dataset.readsAt)
    .map((one) => `${one.dataset.name} ${one.dataset.reads}`)
    .join(", ");
  place.textContent = node ? `${node.querySelector("title").textContent}. All that is lit: ${owners} answer. Next to read: ${readers || "nobody with a time"}.` : "";
}

/** Shows what the address asks for, or else the first that is wrong. */
function show(map) {
  const node = map.querySelector(".node.chosen") ?? map.querySelector(".node.bad");
  const frame = map.closest(".frame");
  if (!node || !frame) return;
  const [box, around] = [node.getBoundingClientRect(), frame.getBoundingClientRect()];
  frame.scrollLeft += box.left + box.width / 2 - around.left - around.width / 2;
  frame.scrollTop += box.top + box.height / 2 - around.top - around.height / 2;
}

/** Shows a node as chosen, as its address does: lit at once, and told of as soon as freshd has answered. */
function choose(address) {
  history.pushState(null, "", address);
  isChosen = true;
  renewSoon();
}

/** What was chosen is out from under what is told of it, once that is there. */
function clear() {
  if (isChosen) document.querySelector(".mapped .node.chosen")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  isChosen = false;
}

function renewSoon() {
  rested = 0;
  wake(0);
}

/** The first click lights and lists, the second follows. Whoever wants another tab gets it. */
function click(event) {
  const node = event.target.closest?.(".mapped .map .node");
  if (!node || event.defaultPrevented || event.button > 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (node.classList.contains("chosen")) return;
  event.preventDefault();
  node.closest(".map").querySelectorAll(".chosen").forEach((one) => one.classList.remove("chosen"));
  node.classList.add("chosen");
  if (node.dataset.page) node.setAttribute("href", node.dataset.page);
  light(node.dataset.id);
  choose(`/flow?of=${encodeURIComponent(node.dataset.id)}#map`);
}

const nodeAt = (event) => (event.target.closest?.(".map .node") ?? document.activeElement.closest?.(".map .node"))?.dataset.id ?? null;
if (document.querySelector(".map")) {
  document.addEventListener("pointerover", (event) => light(nodeAt(event)));
  document.addEventListener("focusin", (event) => light(nodeAt(event)));
  document.addEventListener("focusout", () => light(null));
  document.addEventListener("click", click);
  document.addEventListener("keydown", (event) => event.key === "Escape" && document.querySelector(".mapped .chosen") && choose("/flow"));
  window.addEventListener("popstate", renewSoon);
  // What is unfolded has had no size before.
  document.addEventListener("toggle", (event) => event.target.open && event.target.querySelectorAll(".map").forEach(show), true);
  document.querySelectorAll(".map").forEach(show);
  // What an address asks for is seen, also where it does not lead to the map.
  isChosen = location.hash === "" && scrollY === 0;
  clear();
}

settle(document.body);
// A page for whoever is not known yet has nothing to keep up with.
if (document.getElementById("live")) {
  document.addEventListener("selectionchange", () => (selectedAt = Date.now()));
  document.addEventListener("pointerdown", () => (pressedAt = Date.now()));
  for (const end of ["pointerup", "pointercancel", "dragend"]) document.addEventListener(end, () => (pressedAt = -Infinity));
  document.addEventListener("visibilitychange", sleepOrWake);
  // Whoever reads above the end of an output and comes back to it has its newest lines.
  document.addEventListener("scroll", (event) => event.target.matches?.(".log") && wake(0), true);
  rested = Date.now() + PAUSE_MS;
  sleepOrWake();
}

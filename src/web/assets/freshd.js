// Keeps an open page as it would be now, and lights what feeds what on the map. Every page works without it.

const PAUSE_MS = 2000;

let fetched = 0;
let waiting = null;

/** Fetches this page again and puts its content in place; what is open, focused or scrolled stays so. */
async function again() {
  waiting = null;
  if (document.hidden || busy()) return later();
  fetched = Date.now();
  let answer;
  try {
    answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  } catch {
    return say("freshd does not answer; what stands here is old");
  }
  // The session is over: the page to log in again says so better than this one.
  if (answer.redirected) return location.reload();
  if (!answer.ok && answer.status !== 404) return say("freshd does not answer; what stands here is old");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of ["main", "footer"]) {
    const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
    if (old && now && old.innerHTML !== now.innerHTML) swap(old, now);
  }
  document.title = fresh.title;
  say("Live.");
}

/** Somebody is reading something that a new content would take away. */
function busy() {
  const written = [...document.querySelectorAll("main input")].some((input) => input.value !== input.defaultValue);
  return (
    written ||
    !getSelection().isCollapsed ||
    document.querySelector("main input:focus, main button:focus, .map .node:hover, .map .node:focus") !== null
  );
}

function later() {
  if (waiting === null) waiting = setTimeout(again, Math.max(0, fetched + PAUSE_MS - Date.now()));
}

function swap(old, now) {
  const place = document.activeElement?.getAttribute?.("href");
  const scrolled = [...old.querySelectorAll(".wide, .log, .frame")].map((box) => [
    box.scrollLeft,
    box.scrollHeight - box.scrollTop - box.clientHeight < 4 ? Infinity : box.scrollTop,
  ]);
  old.replaceChildren(...now.childNodes);
  old.querySelectorAll(".wide, .log, .frame").forEach((box, index) => {
    if (scrolled[index]) [box.scrollLeft, box.scrollTop] = [scrolled[index][0], Math.min(scrolled[index][1], box.scrollHeight)];
  });
  if (place) old.querySelector(`a[href="${CSS.escape(place)}"]`)?.focus({ preventScroll: true });
  old.querySelectorAll(".map").forEach(watch);
}

function say(words) {
  const live = document.getElementById("live");
  if (live && live.textContent !== words) live.textContent = words;
}

/** Lights a node of the map with all that feeds it and all that it feeds. */
function watch(map) {
  const edges = [...map.querySelectorAll(".edge")];
  const nodes = new Map([...map.querySelectorAll(".node")].map((node) => [node.dataset.id, node]));
  const walk = (from, here, there) => {
    const seen = new Set([from]);
    const ahead = [from];
    while (ahead.length > 0) {
      const at = ahead.pop();
      for (const edge of edges) {
        if (edge.dataset[here] !== at) continue;
        edge.classList.add("on");
        const next = edge.dataset[there];
        if (!seen.has(next)) {
          seen.add(next);
          ahead.push(next);
        }
      }
    }
    return seen;
  };
  // What the address asks to be lit, the page brings with it.
  const lit = [...map.querySelectorAll(".on")];
  const dark = () => {
    map.classList.toggle("lit", lit.length > 0);
    map.querySelectorAll(".on").forEach((one) => one.classList.remove("on"));
    lit.forEach((one) => one.classList.add("on"));
  };
  const light = (node) => {
    map.querySelectorAll(".on").forEach((one) => one.classList.remove("on"));
    const id = node.dataset.id;
    for (const way of [walk(id, "from", "to"), walk(id, "to", "from")]) way.forEach((one) => nodes.get(one)?.classList.add("on"));
    map.classList.add("lit");
  };
  for (const node of nodes.values()) {
    node.addEventListener("pointerenter", () => light(node));
    node.addEventListener("pointerleave", dark);
    node.addEventListener("focusin", () => light(node));
    node.addEventListener("focusout", dark);
  }
}

// What grows is read from its end: the newest run, the last line.
for (const picture of document.querySelectorAll(".endless")) picture.scrollLeft = picture.scrollWidth;
for (const log of document.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
document.querySelectorAll(".map").forEach(watch);
// A page for whoever is not known yet has nothing to keep up with.
if (document.getElementById("live")) {
  // A run that goes on tells of each line that it prints.
  const run = document.querySelector("[data-run]")?.dataset.run;
  const events = new EventSource(run ? `/events?run=${run}` : "/events");
  let lost = false;
  events.addEventListener("changed", later);
  events.addEventListener("open", () => {
    say("Live.");
    // What has happened meanwhile was told to nobody.
    if (lost) later();
    lost = false;
  });
  events.addEventListener("error", () => {
    lost = true;
    say("Not live just now.");
  });
  document.addEventListener("visibilitychange", () => document.hidden || later());
}

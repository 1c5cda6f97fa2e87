// Keeps a page up to date. The server says on /api/events that there is something new, and gives on /api/page the parts that have changed since a version:
// `{version, status, again_ms?, places: [selector, …], parts: [[selector, html], …]}`. Parts are the report's own, each one element.

const root = document.documentElement;
const status = document.getElementById("live-status");
const places = JSON.parse(document.getElementById("live-places").textContent);
let version = Number(root.dataset.live);
let busy = false;
let more = false;

function say(text, state) {
  status.textContent = text;
  status.dataset.state = state;
}

async function refresh() {
  if (document.hidden || busy) {
    more = true;
    return;
  }
  [busy, more] = [true, false];
  try {
    const query = new URLSearchParams(location.search);
    query.set("since", version);
    query.set("view", root.dataset.view);
    const answer = await fetch(`/api/page?${query}`);
    const news = await answer.json();
    if (!answer.ok) throw new Error(news.error);
    show(news);
    if (news.again_ms) setTimeout(refresh, news.again_ms);
  } catch (error) {
    say(`Not up to date: ${error.message}`, "away");
  }
  busy = false;
  if (more) refresh();
}

function show(news) {
  if (news.places.join() !== places.join()) {
    location.reload();
    return;
  }
  for (const [place, html] of news.parts) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const old = document.querySelector(place);
    const part = template.content.firstElementChild;
    if (old && part) morph(old, part);
  }
  prepare();
  version = news.version;
  say(news.status, "here");
}

// What the reader has done to the page: opened, sorted, unhidden.
const KEPT = new Set(["open", "hidden", "aria-sort", "aria-pressed"]);

/** Makes `old` what `part` is, and leaves alone what is the same: open details stay open, sorted tables sorted, the focus where it is. */
function morph(old, part) {
  if (old.isEqualNode(part)) return;
  if (old.nodeName !== part.nodeName || old.nodeType !== Node.ELEMENT_NODE || old.nodeName === "svg") {
    old.replaceWith(part);
    return;
  }
  for (const { name, value } of [...part.attributes]) if (!KEPT.has(name)) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!KEPT.has(name) && !part.hasAttribute(name)) old.removeAttribute(name);
  if (old.nodeName === "THEAD" || old.matches(".theme")) return;
  if (old.nodeName === "TH" && old.textContent === part.textContent) return; // its link stays
  if (old.nodeName === "TBODY" && part.querySelector(":scope > tr[data-node]")) morphRows(old, part);
  else if (old.childNodes.length === part.childNodes.length) {
    const parts = [...part.childNodes];
    [...old.childNodes].forEach((child, i) => morph(child, parts[i]));
  } else old.replaceChildren(...part.childNodes);
}

/** Rows by their node, in the order in which the reader has put them. */
function morphRows(old, part) {
  const key = (row) => `${row.dataset.node}\n${row.dataset.metric ?? ""}\n${row.dataset.from ?? ""}`;
  const rows = new Map([...old.rows].map((row) => [key(row), row]));
  for (const row of [...part.rows]) {
    const known = rows.get(key(row));
    rows.delete(key(row));
    if (known) morph(known, row);
    else old.append(row);
  }
  for (const row of rows.values()) row.remove();
}

/** What a script adds: links from nodes to their pages. */
function prepare() {
  for (const head of document.querySelectorAll("section[data-section=nodes] tr[data-node] > th")) {
    if (head.firstElementChild) continue;
    const query = new URLSearchParams(location.search);
    query.set("node", head.textContent);
    const link = document.createElement("a");
    link.href = `/?${query}`;
    link.textContent = head.textContent;
    head.replaceChildren(link);
  }
  for (const element of document.querySelectorAll("[data-needs-script][hidden]:not(#nodebook-filter, .note)")) element.hidden = false;
}

prepare();
const events = new EventSource("/api/events");
events.onmessage = refresh;
events.onopen = refresh;
events.onerror = () => say("The server does not answer", "away");
document.addEventListener("visibilitychange", () => more && refresh());

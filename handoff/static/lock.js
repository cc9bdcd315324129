// Hide everything at once: a child stands beside the desk (CARE C32). x, Alt+x while one writes, or the button.
// The rule: a page hides itself before it tells the server, and opens only when the server took the password.

import { composing, hidden, typing } from "./keys.js";

const page = document.documentElement;
const cover = document.getElementById("lock");
const locker = document.getElementById("lock-now");
const opener = document.getElementById("unlock");
const password = document.getElementById("unlock-password");
const problem = document.getElementById("lock-problem");
const tabs = new BroadcastChannel(`madoguchi ${opener.elements.csrf.value}`); // the other pages of this session
const after = Number(page.dataset.lockAfter) * 1000;
let acted = Date.now();
let told = 0;
let opened = 0;
let telling = Promise.resolve();
let was = {};

const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

const typed = (form) => new URLSearchParams(new FormData(form));

function post(form, body) { // also when the tab is closed at once
  const headers = { accept: "application/json" };
  return fetch(form.action, { method: "POST", body, headers, redirect: "error", keepalive: true });
}

function hide() {
  const keeping = []; // what is half written, on its way to the server
  if (hidden()) return keeping;
  was = { title: document.title, focus: document.activeElement, top: scrollY };
  page.dataset.locked = "";
  document.title = problem.dataset.title;
  for (const one of document.querySelectorAll("dialog[open]")) one.close();
  for (const one of document.querySelectorAll("audio, video")) one.pause();
  document.exitFullscreen?.().catch(() => { /* nothing filled the screen */ });
  cover.hidden = false;
  problem.hidden = true;
  password.value = "";
  password.focus();
  dispatchEvent(new CustomEvent("madoguchi:hide", { detail: keeping }));
  return keeping;
}

function lock() {
  if (hidden()) return;
  const keeping = hide();
  tabs.postMessage("hide");
  telling = tell(keeping);
}

async function tell(keeping) { // drafts first; then nothing opens any more
  await Promise.race([Promise.allSettled(keeping), pause(1500)]);
  while (hidden()) {
    const answer = await post(locker, typed(locker)).catch(() => null);
    if (answer && answer.status < 500) return;
    await pause(2000);
  }
}

function open() {
  if (!hidden()) return;
  delete page.dataset.locked;
  cover.hidden = true;
  password.value = "";
  document.title = was.title;
  scrollTo(0, was.top);
  was.focus?.focus?.({ preventScroll: true });
  opened = acted = Date.now();
  dispatchEvent(new Event("madoguchi:open"));
}

function explain(words) {
  problem.textContent = words;
  problem.hidden = false;
  password.focus();
}

async function unlock(event) {
  event.preventDefault();
  const button = opener.querySelector("button");
  const body = typed(opener);
  button.disabled = true;
  password.value = "";
  await Promise.race([telling, pause(3000)]);
  const answer = await post(opener, body).catch(() => null);
  button.disabled = false;
  if (answer?.ok) { open(); tabs.postMessage("open"); return; }
  if (!answer) { explain(problem.dataset.cutOff); return; }
  if (answer.status === 422 || answer.status === 429) { explain((await answer.json()).message); return; }
  location.reload(); // the session ended, or it is somebody else's by now
}

function act() { // somebody is here, for the other tabs too
  acted = Date.now();
  if (acted - told < 5000) return;
  told = acted;
  tabs.postMessage("act");
}

addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // it may be locked by now
if (cover) {
  locker.addEventListener("submit", (event) => { event.preventDefault(); lock(); });
  opener.addEventListener("submit", unlock);
  document.addEventListener("keydown", (event) => {
    if (composing(event) || event.ctrlKey || event.metaKey || hidden()) return;
    if (event.altKey ? event.code !== "KeyX" : typing(event) || event.key.toLowerCase() !== "x") return;
    event.preventDefault();
    lock();
  }, true);
  tabs.addEventListener("message", ({ data }) => ({ hide, open, act: () => { acted = Date.now(); } })[data]());
  addEventListener("madoguchi:locked", ({ detail }) => { if (detail > opened) hide(); }); // so the server says
  if (after) {
    for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) addEventListener(kind, act, { passive: true, capture: true });
    setInterval(() => {
      if ([...document.querySelectorAll("audio, video")].some((one) => !one.paused)) act();
      if (Date.now() - acted >= after) lock();
    }, 1000);
  } else setInterval(() => { if (!document.hidden && !hidden()) tabs.postMessage("act"); }, 10000); // read beside a telephone
} else tabs.addEventListener("message", ({ data }) => { if (data === "open") location.reload(); });

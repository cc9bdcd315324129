// The talk, live: fetches words when the server says that there are new ones, and sends without losing any.
// The rule: nothing is kept in the browser; words go when the page goes, and hide while it is not looked at.
import { clear } from "./leave.js";

const $ = (id) => document.getElementById(id);
const form = $("say"), field = $("text"), button = form.querySelector("button"), note = $("note"), lost = $("lost");
const words = form.dataset;
let key = form.elements.key.value, sending = false, busy = false, again = false, done = false;
let stream = null, opened = 0, told = 0, pause = 1000, waiting = null; // when the stream was opened, and spoke last

// --- showing ------------------------------------------------------------------------------------------------------

function tell(text) {
  note.textContent = text;
  note.hidden = !text;
}

function ready() {
  button.disabled = sending || !field.value.trim();
}

function atEnd() {
  return window.innerHeight + window.scrollY > document.body.scrollHeight - 500;
}

function toEnd() {
  const last = $("log").lastElementChild;
  if (last) last.scrollIntoView({ block: "center" });
}

function take(html) {
  if (done) return key;
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("words");
  const now = $("words"), log = $("log"), end = atEnd();
  now.dataset.state = fresh.dataset.state;
  $("status").textContent = fresh.querySelector("#status").textContent;
  const keep = new Set();
  let before = null, added = false;
  for (const item of fresh.querySelectorAll("#log > li")) {
    keep.add(item.id);
    let here = document.getElementById(item.id);
    if (!here) {
      here = document.importNode(item, true);
      log.insertBefore(here, before ? before.nextSibling : log.firstChild);
      added = true;
      if (waiting && item.classList.contains("resident")) {
        waiting.remove();
        waiting = null;
      }
    }
    before = here;
  }
  for (const item of [...log.children]) if (item.id && !keep.has(item.id)) item.remove();
  const empty = $("empty");
  if (empty && keep.size) empty.remove();
  if (added && end) toEnd();
  return fresh.dataset.key;
}

async function fetchWords() {
  if (done) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(`/room/words?have=${$("words").dataset.state}`, { cache: "no-store" });
    if (answer.status === 200) take(await answer.text());
    else if (answer.status === 404) return over();
    else if (answer.status !== 204) throw new Error(String(answer.status));
    reached();
  } catch {
    broken();
  } finally {
    busy = false;
    if (again && !done) { again = false; fetchWords(); }
  }
}

function over() { // the visit ended: what is typed stays, to be copied
  if (done) return;
  done = true;
  stop();
  if (field.value.trim() || sending) tell(words.closed);
  else location.replace("/room/");
}

// --- sending ------------------------------------------------------------------------------------------------------

async function send() {
  const text = field.value.trim();
  if (!text || sending) return;
  sending = true;
  tell("");
  const body = new URLSearchParams(new FormData(form));
  body.set("key", key);
  const item = document.createElement("li"), who = document.createElement("b"), p = document.createElement("p");
  const time = document.createElement("time");
  item.className = "resident waiting";
  who.textContent = words.me;
  p.textContent = text;
  time.textContent = words.sending;
  item.append(who, p, time);
  $("log").append(item);
  if (waiting) waiting.remove();
  waiting = item;
  field.value = "";
  ready();
  toEnd();
  let problem = words.failed;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Part": "words" }, cache: "no-store" });
    if (answer.ok) {
      const html = await answer.text();
      sending = false;
      problem = "";
      time.textContent = words.sent;
      key = take(html); // a new one only now: until then the same words under the same key are kept once
      const mine = [...$("log").querySelectorAll("li.resident:not(.waiting) p")].pop();
      if (waiting === item && mine && mine.textContent === text) { // they had arrived before
        item.remove();
        waiting = null;
      }
    } else if (answer.status === 413) problem = words.tooLong;
    else if (answer.status === 404) { problem = words.closed; done = true; stop(); }
  } catch { /* not reached: said below, and the same key is used again, so nothing is sent twice */ }
  if (problem) {
    if (waiting === item) waiting = null;
    item.remove();
    field.value = field.value ? `${text}\n${field.value}` : text;
    tell(problem);
    field.focus();
  }
  sending = false;
  ready();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
field.addEventListener("input", ready);
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return; // Enter ends a conversion first
  const keyboard = matchMedia("(pointer: fine)").matches;
  if ((keyboard && !event.shiftKey) || event.ctrlKey || event.metaKey) {
    event.preventDefault();
    send();
  }
});

// --- listening ----------------------------------------------------------------------------------------------------

function reached() {
  lost.hidden = true;
}

function broken() {
  if (!done) lost.hidden = false;
}

function spoke() {
  told = Date.now();
  reached();
}

function listen() {
  if (done || stream || !window.EventSource) return;
  stream = new EventSource("/room/stream");
  opened = Date.now();
  stream.addEventListener("words", (event) => {
    spoke();
    pause = 1000;
    if (!done && event.data !== $("words").dataset.state) fetchWords();
  });
  stream.addEventListener("beat", spoke);
  stream.addEventListener("over", over);
  stream.onerror = () => { // reconnect by ourselves, slower each time, with chance
    stop();
    setTimeout(() => { if (!document.hidden) listen(); }, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, 10000);
  };
}

function stop() {
  if (stream) stream.close();
  stream = null;
}

setInterval(() => {
  if (document.hidden || done) return;
  const now = Date.now();
  if (stream && now - Math.max(opened, told) > 25000) { stop(); listen(); }
  if (!stream || now - told > 12000) fetchWords(); // it beats every 10 s; some nets swallow it (CARE C33)
}, 5000);
setInterval(() => { if (!document.hidden && !done) fetchWords(); }, 20000); // says that somebody is looking

document.addEventListener("visibilitychange", () => {
  document.documentElement.classList.toggle("away", document.hidden);
  if (document.hidden) return stop();
  if (!done) { fetchWords(); listen(); }
});
document.addEventListener("left", () => { // nothing may fetch, show or lead back any more
  done = true;
  stop();
});
addEventListener("pagehide", clear);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

$("renew").parentElement.hidden = true;
form.setAttribute("novalidate", "");
ready();
toEnd();
listen();

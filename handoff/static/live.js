// Follow what changed on the server: a stream first, a poll behind it. The rule: only ids arrive here.

import { say } from "./words.js";

const POLL = 5000; // milliseconds between polls while the stream is silent
const SILENT = 12000; // the stream beats every 10 s; after this the poll asks
const BROKEN = 25000; // after this the page says that it is cut off

export function follow({ root, cursor, onChange, onEnd }) {
  const state = document.getElementById("line-state");
  let stream = null;
  let heard = Date.now(); // last sign of life, from stream or poll
  let streamHeard = 0;
  let pause = 1000;
  let ended = false;
  let paused = false; // the page is hidden

  function alive() {
    heard = Date.now();
    if (state.textContent) state.textContent = "";
  }

  function end() {
    ended = true;
    stream?.close();
    state.textContent = say("サインインの時間が切れました。");
    onEnd?.();
  }

  function locked(asked) { // nothing is told until it is opened again
    paused = true;
    stream?.close();
    dispatchEvent(new CustomEvent("madoguchi:locked", { detail: asked }));
  }

  function take(changes, newest) {
    if (newest > cursor) {
      cursor = newest;
      dispatchEvent(new Event("madoguchi:change"));
      onChange(changes);
    }
  }

  function open() {
    if (ended || paused) return;
    stream = new EventSource(`${root}/live?after=${cursor}`);
    stream.addEventListener("open", () => { pause = 1000; });
    stream.addEventListener("change", (event) => {
      streamHeard = Date.now();
      alive();
      take(JSON.parse(event.data), Number(event.lastEventId));
    });
    stream.addEventListener("beat", () => { streamHeard = Date.now(); alive(); });
    stream.addEventListener("end", (event) => (event.data === "locked" ? locked(Date.now()) : end()));
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED || ended || paused) return;
      setTimeout(open, pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, 10000);
    });
  }

  async function poll() {
    if (!ended && !paused && Date.now() - streamHeard > SILENT) {
      const asked = Date.now();
      try {
        const answer = await fetch(`${root}/live/since?after=${cursor}`, {
          headers: { accept: "application/json" },
          signal: AbortSignal.timeout(4000),
        });
        if (answer.status === 401) return end();
        if (answer.status === 423) locked(asked);
        if (answer.ok) {
          const found = await answer.json();
          alive();
          take(found.changes, found.cursor);
        }
      } catch { /* the next poll asks again */ }
      if (Date.now() - heard > BROKEN) state.textContent = say("接続が切れています。つなぎなおしています…");
    }
    if (!ended) setTimeout(poll, POLL);
  }

  addEventListener("pagehide", () => stream?.close());
  addEventListener("madoguchi:hide", () => { paused = true; stream.close(); });
  addEventListener("madoguchi:open", () => {
    paused = false;
    heard = Date.now();
    streamHeard = 0;
    open();
  });
  open();
  setTimeout(poll, POLL);
}

// Run `work` soon, once for many calls, and again if it was asked for meanwhile.
export function gathered(work, wait = 120) {
  let timer = 0;
  let running = false;
  let again = false;
  return function ask() {
    if (running) { again = true; return; }
    clearTimeout(timer);
    timer = setTimeout(async () => {
      running = true;
      try { await work(); } catch { /* the next change or poll brings it */ } finally {
        running = false;
        if (again) { again = false; ask(); }
      }
    }, wait);
  };
}

// Word a waiting time as the server does.
export function waited(seconds) {
  const minutes = Math.max(0, Math.floor(seconds / 60));
  const [hours, days] = [Math.floor(minutes / 60), Math.floor(minutes / 1440)];
  if (minutes < 1) return say("1分未満");
  if (minutes < 60) return say("{minutes}分", { minutes });
  if (minutes < 1440) return say("{hours}時間{minutes}分", { hours, minutes: minutes % 60 });
  return say("{days}日{hours}時間", { days, hours: hours % 24 });
}

// Keep waiting times going between two answers of the server; `now` is its clock in seconds.
export function ticking() {
  let shift = 0;
  function show() {
    const now = Date.now() / 1000 + shift;
    for (const time of document.querySelectorAll("time[data-since]")) {
      const text = waited(now - Number(time.dataset.since));
      if (time.textContent !== text) time.textContent = text;
    }
  }
  setInterval(show, 10000);
  return function set(now) { shift = now - Date.now() / 1000; show(); };
}

// Call whoever has a page open when an urgent or emergency case waits: banner, title, sound, notification.
// The rule: nothing here says anything of a family; silence is one person's choice, and the server goes on calling.

import { hidden } from "./keys.js";
import { waited } from "./live.js";
import { say } from "./words.js";

const POLL = 5000; // milliseconds
const BROKEN = 25000; // without an answer for so long the page says so
const NAMES = { emergency: say("緊急"), urgent: say("急ぎ") };
const SECOND = say("緊急の相談で、いっしょに読む人を待っています"); // somebody holds it: two people where a life may be in danger
const COVERED = say("待っている方がいます"); // all that a hidden page says: a child may read along (CARE C32)
const TONES = { emergency: [880, 660, 880, 660, 880, 660], urgent: [660, 880], second: [660] }; // hertz, 0.2 s each

const root = document.documentElement.dataset.root;
const lesson = "lesson" in document.documentElement.dataset; // invented: nobody waits
const banner = document.getElementById("alarm");
const said = document.getElementById("alarm-said"); // read aloud at each round, not each minute
const button = document.getElementById("alarm-sound");
const state = document.getElementById("line-state");
const rung = new Map(); // case and since -> how many rounds were given here
let waiting = [];
let repeats = [0];
let shift = 0; // the server's clock before ours, seconds
let answered = Date.now();
let sound = null;
let ended = false;
let sounds = true; // what this person chose, kept at the server

function awake() { // browsers let a page sound only after a person did something on it
  if (!sounds) return;
  sound ??= new AudioContext();
  if (sound.state === "suspended") sound.resume();
}

function play(severity) {
  if (!sounds || !sound) return;
  TONES[severity].forEach((tone, at) => {
    const begins = sound.currentTime + at * 0.22;
    const voice = sound.createOscillator();
    const volume = sound.createGain();
    voice.frequency.value = tone;
    volume.gain.setValueAtTime(0.25, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + 0.2);
    voice.connect(volume).connect(sound.destination);
    voice.start(begins);
    voice.stop(begins + 0.2);
  });
}

function notify(one) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !sounds) return;
  try { // telephones have the name and refuse to make one
    const title = lesson ? say("【練習】まどぐち") : say("まどぐち");
    new Notification(title, { body: practised(worded(one)), tag: one.id, silent: true });
  } catch { /* band, title and sound are there */ }
}

function worded(one) {
  if (hidden()) return COVERED;
  return one.severity === "second" ? SECOND : say("{severity}の相談が待っています", { severity: NAMES[one.severity] });
}

function practised(words) {
  return lesson ? say("練習です。{words}", { words }) : words;
}

function show(text, first) {
  const title = document.title.replace(/^▲ /, "");
  document.title = text ? `▲ ${title}` : title;
  banner.hidden = !text;
  if (!text) { banner.replaceChildren(); return; }
  if (banner.firstChild?.textContent === text) return;
  banner.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }));
  if (first.url && !hidden()) banner.append(Object.assign(document.createElement("a"), { href: first.url, textContent: say("ひらく") }));
  banner.dataset.severity = hidden() ? "" : first.severity;
}

function ring() {
  const now = Date.now() / 1000 + shift;
  const keys = new Set(waiting.map((one) => `${one.id} ${one.severity} ${one.since}`));
  for (const key of rung.keys()) if (!keys.has(key)) rung.delete(key);
  const [first] = waiting;
  const more = waiting.length > 1 && !hidden() ? say("（ほか{count}件）", { count: waiting.length - 1 }) : "";
  const longer = hidden() ? COVERED : first && first.severity !== "second"
    ? say("{severity}の相談が{time}待っています", { severity: NAMES[first.severity], time: waited(now - first.since) }) : SECOND;
  show(first ? `${longer}${more}` : "", first);
  const loud = [];
  for (const one of waiting) {
    const key = `${one.id} ${one.severity} ${one.since}`;
    const rounds = repeats.filter((after) => now - one.since >= after).length;
    if (rounds <= (rung.get(key) ?? 0)) continue;
    rung.set(key, rounds);
    loud.push(one);
  }
  if (!loud.length) return;
  said.textContent = `${practised(worded(loud[0]))}${more}`; // they come gravest first
  loud.forEach(notify);
  play(loud[0].severity);
}

async function ask() {
  const asked = Date.now();
  try {
    const answer = await fetch(`${root}/alarms`, {
      headers: { accept: "application/json" }, signal: AbortSignal.timeout(4000), redirect: "error",
    });
    if (answer.status === 401 || answer.status === 403) {
      ended = true;
      show(say("サインインの時間が切れました。この画面では警報が鳴りません"), { url: `${root}/sign-in`, severity: "urgent" });
      return;
    }
    if (answer.ok) {
      const found = await answer.json();
      ({ waiting, repeats, sounds } = found);
      if (found.locked) dispatchEvent(new CustomEvent("madoguchi:locked", { detail: asked }));
      shown();
      named(found.named);
      shift = found.now - Date.now() / 1000;
      answered = Date.now();
      if (state?.dataset.by === "alarm") { state.textContent = ""; delete state.dataset.by; }
    }
  } catch { /* the next one asks again */ }
  if (state && Date.now() - answered > BROKEN && !state.textContent) {
    state.textContent = say("接続が切れています。警報が届かないかもしれません");
    state.dataset.by = "alarm";
  }
  ring();
}

function named(count) { // notes of colleagues that wait for this person
  const badge = document.getElementById("named");
  if (!badge) return;
  badge.hidden = !count;
  badge.querySelector("[data-count]").textContent = count;
}

function shown() {
  if (!button) return; // a page that hides everything calls too
  button.hidden = false;
  button.setAttribute("aria-pressed", String(sounds));
  button.querySelector("span").textContent = sounds ? say("入") : say("切");
}

button?.addEventListener("click", async () => {
  const body = new URLSearchParams({ csrf: button.dataset.csrf, sounds: sounds ? "no" : "yes" });
  const answer = await fetch(`${root}/alarms/sound`, { method: "POST", body, headers: { accept: "application/json" } });
  if (!answer.ok) return;
  ({ sounds } = await answer.json());
  shown();
  awake();
  if (sounds && "Notification" in window && Notification.permission === "default") await Notification.requestPermission();
});
for (const act of ["pointerdown", "keydown"]) addEventListener(act, awake, { passive: true });
addEventListener("madoguchi:change", ask); // a page that follows the stream learns of it at once
addEventListener("madoguchi:hide", () => { ring(); said.textContent = ""; });
addEventListener("madoguchi:open", () => { show("", null); ask(); });
(async function go() {
  try { await ask(); } finally { if (!ended) setTimeout(go, POLL); } // nothing that breaks may end the asking
})();

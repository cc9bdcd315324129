// Everything this page can do, by a few letters: Ctrl+K (⌘K). The rule: it offers only what stands on the page or in the
// navigation, and where something is to be filled in or goes out to a family, it leads there and presses nothing.

import { acts, composing, hidden } from "./keys.js";
import { say } from "./words.js";
import { latin, plain, reading, short, spelled } from "./readings.js";

const MOST = 60; // lines that are shown
const MAC = navigator.platform.startsWith("Mac");
const root = document.documentElement.dataset.root;
const dialog = document.getElementById("palette");
const asked = document.getElementById("palette-words");
const list = document.getElementById("palette-list");
const none = document.getElementById("palette-none");
const count = document.getElementById("palette-count");
let all = [];
let shown = [];
let at = 0;
let composed = false;

function worded(one) {
  const copy = one.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd, .count, [aria-hidden]")) key.remove();
  const text = (one.getAttribute("aria-label") ?? copy.textContent).replace(/\s+/g, " ").trim();
  const of = one.closest("form[aria-label]")?.getAttribute("aria-label");
  return of ? `${of}: ${text}` : text;
}

function choose(one) {
  const form = one.form ?? null;
  const field = form && [...form.elements].find((each) => !each.matches("button, fieldset, [type=hidden]") && each.checkVisibility());
  if (one.matches("summary")) {
    one.parentElement.open = true;
    (one.parentElement.querySelector("input:not([type=hidden]), select, textarea, button") ?? one).focus();
  } else if (field || one.closest(".ask")) one.focus();
  else one.click();
}

function item(label, key, act) {
  const kana = reading(label);
  const letters = latin(kana);
  return { label, key, act, found: [plain(label), kana, letters, short(letters)] };
}

function collect() {
  const found = new Map();
  const places = document.querySelectorAll("main :is(a[href], button, summary), header :is(a[href], button)");
  const ours = [...places].filter((one) => one.checkVisibility() && !one.disabled);
  for (const one of ours.sort((a, b) => Boolean(a.closest("header")) - Boolean(b.closest("header")))) {
    const label = worded(one);
    const same = `${label} ${one.href ?? ""}`;
    if (label && !found.has(same)) found.set(same, item(label, one.querySelector("kbd")?.textContent ?? "", () => choose(one)));
  }
  const keyed = new Set([...found.values()].map((one) => one.key));
  for (const line of document.querySelectorAll("#keys .keys div")) { // what has a key and no button
    const key = line.querySelector("kbd").textContent;
    const there = !line.dataset.for || document.querySelector(line.dataset.for)?.checkVisibility();
    if (there && acts[key] && !keyed.has(key) && !["j", "k"].includes(key)) {
      found.set(key, item(line.querySelector("dd").textContent, key, acts[key]));
    }
  }
  return [...found.values()];
}

function forms(part) { // as an item's `found`
  if (/[ぁ-ん][a-z]+$/.test(part)) { // the IME has not made kana of the last letters yet
    const letters = latin(part).replace(/y$/, "");
    return [part, part, letters, short(letters)];
  }
  const typed = /^[a-z'ōū]+$/.test(part) ? part : part.replace(/[a-z]+$/, "");
  const letters = spelled(typed).replace(/y$/, "");
  return [typed, typed, letters, short(letters)];
}

function matching(words) {
  const parts = plain(words).split(/\s+/).filter(Boolean);
  const fits = (one, part) => one.key === part || forms(part).some((form, n) => one.found[n].includes(form));
  const begins = (one) => one.key === parts[0] || forms(parts[0]).some((form, n) => one.found[n].startsWith(form));
  const found = all.filter((one) => parts.every((part) => fits(one, part)));
  if (parts.length) found.sort((a, b) => begins(b) - begins(a));
  const number = plain(words).trim();
  if (dialog.dataset.cases && /^[0-9a-f]{2,8}$/.test(number)) {
    found.push(item(say("番号 {number} の相談をさがす", { number: number.toUpperCase() }), "", () => location.assign(`${root}/cases?state=&number=${number}`)));
  }
  return found;
}

function move(to) {
  at = shown.length ? (to + shown.length) % shown.length : 0;
  [...list.children].forEach((line, n) => line.setAttribute("aria-selected", String(n === at)));
  const line = list.children[at];
  if (line) asked.setAttribute("aria-activedescendant", line.id);
  else asked.removeAttribute("aria-activedescendant");
  line?.scrollIntoView({ block: "nearest" });
}

function filter() {
  shown = matching(asked.value).slice(0, MOST);
  list.replaceChildren(...shown.map((one, n) => {
    const line = Object.assign(document.createElement("li"), { id: `palette-${n}`, textContent: one.label });
    line.setAttribute("role", "option");
    if (one.key) line.append(" ", Object.assign(document.createElement("kbd"), { textContent: one.key }));
    return line;
  }));
  none.hidden = shown.length > 0;
  count.textContent = say("{count}件", { count: shown.length });
  move(0);
}

function open() {
  for (const one of document.querySelectorAll("dialog[open]")) one.close();
  all = collect();
  asked.value = "";
  dialog.showModal();
  filter();
}

function run(n) {
  const one = shown[n];
  if (!one) return;
  dialog.close();
  one.act();
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    if (composing(event) || hidden() || event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey) return;
    if (MAC ? !event.metaKey || event.ctrlKey : !event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  asked.addEventListener("input", filter);
  asked.addEventListener("compositionstart", () => { composed = true; });
  asked.addEventListener("compositionend", () => { composed = false; });
  asked.addEventListener("keydown", (event) => {
    if (composing(event) || composed) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) { event.preventDefault(); move(at + by); }
    if (event.key === "Enter") { event.preventDefault(); run(at); }
  });
  dialog.addEventListener("cancel", (event) => { if (composed) event.preventDefault(); }); // Escape was the IME's
  list.addEventListener("click", (event) => run([...list.children].indexOf(event.target.closest("li"))));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

// Working without a mouse. The rule: single keys never act while somebody types, composes, or holds a modifier.

const TYPING = "input:not([type=radio], [type=checkbox], [type=hidden]), textarea, select, [contenteditable]";
const sheet = document.getElementById("keys");
const button = document.getElementById("show-keys");

export const acts = {}; // key -> what it does on this page

export function composing(event) {
  return event.isComposing || event.keyCode === 229; // 229: the key belongs to the IME
}

export function typing(event) {
  return Boolean(event.target.matches?.(TYPING));
}

export function hidden() { // the whole page, by lock.js
  return "locked" in document.documentElement.dataset;
}

export function keys(map) {
  Object.assign(acts, map);
}

// Say what is true on this page now: a line whose thing is not there is left out.
function show() {
  for (const line of sheet.querySelectorAll("[data-for]")) {
    line.hidden = !document.querySelector(line.dataset.for)?.checkVisibility();
  }
  sheet.showModal();
}

if (sheet) {
  button.hidden = false;
  button.addEventListener("click", show);
  acts["?"] = show;
}
document.addEventListener("keydown", (event) => {
  if (composing(event) || hidden()) return;
  if (event.key === "Escape" && typing(event)) { event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing(event)) return;
  const act = acts[event.key];
  if (act) { event.preventDefault(); act(); }
});

// Move the focus among `selector` by one step.
export function step(selector, by) {
  const found = [...document.querySelectorAll(selector)].filter((one) => one.offsetParent !== null);
  const here = found.findIndex((one) => one === document.activeElement || one.contains(document.activeElement));
  const next = found[Math.min(found.length - 1, Math.max(0, here < 0 ? (by > 0 ? 0 : found.length - 1) : here + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

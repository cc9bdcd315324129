// Working without a mouse. The rule: single keys never act while somebody types, composes, or holds a modifier.

const TYPING = "input:not([type=radio]):not([type=hidden]), textarea, select, [contenteditable]";

export function composing(event) {
  return event.isComposing || event.keyCode === 229; // 229: the key belongs to the IME
}

export function keys(map) {
  const dialog = document.getElementById("keys");
  const button = document.getElementById("show-keys");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => dialog.showModal());
  }
  document.addEventListener("keydown", (event) => {
    if (composing(event)) return;
    if (event.key === "Escape" && event.target.matches?.(TYPING)) { event.target.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || dialog?.open) return;
    if (event.target.matches?.(TYPING)) return;
    if (event.key === "?") { event.preventDefault(); dialog?.showModal(); return; }
    const act = map[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

// Move the focus among `selector` by one step.
export function step(selector, by) {
  const found = [...document.querySelectorAll(selector)].filter((one) => one.offsetParent !== null);
  const here = found.findIndex((one) => one === document.activeElement || one.contains(document.activeElement));
  const next = found[Math.min(found.length - 1, Math.max(0, here < 0 ? (by > 0 ? 0 : found.length - 1) : here + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

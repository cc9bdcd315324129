// Leaving at once: the words go first, then the visit ends, then a harmless page takes this one's place in history.
const link = document.getElementById("leave");
let escape = 0;

export function clear() {
  for (const name of ["talk", "say", "kept", "note"]) {
    const part = document.getElementById(name);
    if (part) part.remove();
  }
  document.dispatchEvent(new Event("left"));
}

function leave() {
  document.documentElement.classList.add("away");
  clear();
  navigator.sendBeacon("/room/leave");
  location.replace(link.dataset.to);
}

link.addEventListener("click", (event) => {
  event.preventDefault();
  leave();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || event.keyCode === 229) return;
  const now = Date.now();
  if (now - escape < 1500) leave();
  escape = now;
});

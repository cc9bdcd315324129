// The queue stays current by itself and can be walked with j, k, Enter and c.

import { follow, gathered, ticking } from "./live.js";
import { keys, step } from "./keys.js";
import { say } from "./words.js";

const root = document.documentElement.dataset.root;
const main = document.getElementById("main");
const queue = document.getElementById("queue");
const notice = document.getElementById("notice");
const said = document.getElementById("said");
const tick = ticking();

function settle() {
  const list = queue.querySelector("[data-waiting]");
  document.title = document.title.replace(/\(\d+\)/, `(${list.dataset.waiting})`);
  tick(Number(list.dataset.now));
}

const refresh = gathered(async () => {
  const answer = await fetch(`${root}/queue`, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const focused = document.activeElement?.closest?.("[data-row]")?.dataset.row;
  const open = queue.querySelector("details")?.open;
  const before = queue.querySelector("[data-waiting]").dataset.waiting;
  queue.innerHTML = await answer.text();
  if (open) queue.querySelector("details")?.setAttribute("open", "");
  if (focused) queue.querySelector(`[data-row="${focused}"] a`)?.focus();
  settle();
  const after = queue.querySelector("[data-waiting]").dataset.waiting;
  if (after !== before) said.textContent = say("待っている方 {count}人", { count: after });
});

async function claim() {
  const id = document.activeElement?.closest?.("[data-row]")?.dataset.row;
  if (!id) return;
  const body = new URLSearchParams({ csrf: main.dataset.csrf });
  const answer = await fetch(`${root}/cases/${id}/claim`, { method: "POST", body, headers: { accept: "application/json" } });
  if (answer.ok) location.assign(`${root}/cases/${id}`);
  else {
    notice.textContent = (await answer.json()).message;
    notice.hidden = false;
  }
}

keys({
  j: () => step(".row-link", 1),
  k: () => step(".row-link", -1),
  c: claim,
  n: () => document.getElementById("next")?.requestSubmit(),
  "/": () => document.getElementById("all-cases")?.click(),
});
addEventListener("madoguchi:open", refresh);
follow({ root, cursor: Number(main.dataset.cursor), onChange: refresh, onEnd: () => location.reload() });
settle();

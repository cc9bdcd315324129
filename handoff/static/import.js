// How far the reading of a file is, asked once a second; when it ends, the page shows what it found.

import { say } from "./words.js";

const main = document.getElementById("main");
const progress = document.getElementById("progress");
const far = document.getElementById("far");

async function ask() {
  const answer = await fetch(main.dataset.address, { headers: { accept: "application/json" } }).catch(() => null);
  const told = answer?.ok ? await answer.json() : { state: "reading", whole: 0 };
  if (told.state !== "reading") { location.reload(); return; }
  if (told.whole) {
    progress.max = told.whole;
    progress.value = told.done;
    far.textContent = say("{whole}行のうち{done}行", { whole: told.whole.toLocaleString(), done: told.done.toLocaleString() });
  }
  setTimeout(ask, 1_000);
}

if (progress) ask();
document.getElementById("problems")?.focus();

// One talk: it follows by itself, keeps the draft, sends once, and tells the server of human acts only.

import { follow, gathered, ticking, waited } from "./live.js";
import { beside } from "./beside.js";
import { composing, hidden, keys, step } from "./keys.js";
import { say } from "./words.js";

const root = document.documentElement.dataset.root;
const main = document.getElementById("main");
const notice = document.getElementById("notice");
const here = `${root}/cases/${main.dataset.case}`;
const tick = ticking();
const form = document.getElementById("reply");
const words = document.getElementById("words");
const draftState = document.getElementById("draft-state");
const showWords = document.getElementById("show-words");
let lapsesAt = 0;

const parts = () => document.getElementById("parts");
const mine = () => parts().dataset.mine === "yes";

function tell(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

function post(act, fields = {}) {
  const body = new URLSearchParams({ csrf: main.dataset.csrf, ...fields });
  return fetch(`${here}/${act}`, { method: "POST", body, headers: { accept: "application/json" } });
}

// --- what the server says now ---------------------------------------------------------------------------------------

function blur(on) {
  main.classList.toggle("blurred", on);
  showWords.setAttribute("aria-pressed", String(!on));
  showWords.firstChild.textContent = `${on ? say("ことばを見る") : say("ことばを伏せる")} `;
}

function settle() {
  const now = parts().dataset;
  const can = new Set(now.can.split(" "));
  for (const one of document.querySelectorAll("[data-when]")) {
    const when = one.dataset.when;
    one.hidden = when === "mine" ? now.mine !== "yes"
      : when === "unanswered" ? now.unanswered !== "yes"
      : when === "held-by-other" ? !(now.held === "yes" && now.mine !== "yes")
      : !can.has(when.slice(4));
  }
  if (now.mine !== "yes") document.getElementById("beside").hidden = true;
  const inLine = document.getElementById("place-line");
  inLine.disabled = now.line !== "yes";
  if (inLine.disabled && inLine.checked) form.elements.place.value = "room";
  document.getElementById("line-hint").textContent = now.lineHint;
  lapsesAt = now.lapsesIn ? Date.now() + Number(now.lapsesIn) * 1000 : 0;
  tick(Number(now.now));
  lease();
}

function lease() {
  const text = document.querySelector("[data-lease-text]");
  if (!text || !lapsesAt) return;
  const left = Math.max(0, (lapsesAt - Date.now()) / 1000);
  text.textContent = left < 60 ? say("あと{seconds}秒", { seconds: Math.ceil(left) }) : say("あと{time}", { time: waited(left) });
  text.parentElement.classList.toggle("soon", left < 60);
}

let unsent = false; // she took something back since the last look
const refresh = gathered(async () => {
  const answer = await fetch(`${here}/parts${location.search}`, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("parts");
  const old = parts();
  const wasMine = mine();
  const heard = Number(old.dataset.lastHeard);
  const journal = old.querySelector("[data-part=journal]");
  const focused = document.activeElement?.closest?.(".said")?.id;
  const atEnd = journal.scrollHeight - journal.scrollTop - journal.clientHeight < 80;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const place = old.querySelector(`[data-part="${part.dataset.part}"]`);
    if (place.innerHTML !== part.innerHTML) place.innerHTML = part.innerHTML;
    place.className = part.className;
  }
  for (const name of [...old.getAttributeNames()].filter((n) => n.startsWith("data-"))) old.removeAttribute(name);
  for (const name of fresh.getAttributeNames()) old.setAttribute(name, fresh.getAttribute(name));
  settle();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (atEnd) journal.scrollTop = journal.scrollHeight;
  if (wasMine && !mine()) {
    blur(true); // nobody may be sitting here any more
    tell(say("この相談は、あなたの担当ではなくなりました。下書きは残っています。"));
  } else if (unsent) tell(say("送信が取り消されました。取り消されたことばは、もう見られません。"));
  else if (mine() && Number(old.dataset.lastHeard) > heard) tell(say("新しいメッセージが届きました。"));
  unsent = false;
});

// --- human acts -----------------------------------------------------------------------------------------------------

let renewed = 0;
async function act() {
  if (!mine() || Date.now() - renewed < 20000) return;
  renewed = Date.now();
  const answer = await post("renew").catch(() => null);
  if (answer?.ok) {
    lapsesAt = Date.now() + (await answer.json()).lapses_in * 1000;
    lease();
  } else if (answer?.status === 403) refresh();
}
for (const kind of ["keydown", "pointerdown"]) main.addEventListener(kind, act);

// --- the draft ------------------------------------------------------------------------------------------------------

let saved = words.defaultValue; // as the server knows it: what was typed before this module came is not kept yet
let timer = 0;
async function save() {
  clearTimeout(timer);
  if (words.value === saved) return;
  const text = words.value;
  const answer = await post("draft", { words: text }).catch(() => null);
  if (answer?.ok) {
    saved = text;
    draftState.textContent = text ? say("下書きを残しました {time}", { time: (await answer.json()).at }) : "";
  } else draftState.textContent = say("下書きをまだ残せていません");
}
words.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(save, 1200);
});
if (words.value !== saved) timer = setTimeout(save, 1200);
addEventListener("madoguchi:hide", ({ detail }) => detail.push(save())); // before the session is locked
addEventListener("madoguchi:open", () => { save(); refresh(); });
addEventListener("pagehide", () => {
  if (words.value !== saved) {
    navigator.sendBeacon(`${here}/draft`, new URLSearchParams({ csrf: main.dataset.csrf, words: words.value }));
  }
});

// --- sending --------------------------------------------------------------------------------------------------------

let sending = false;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (sending || !words.value.trim()) return;
  sending = true;
  clearTimeout(timer);
  const typed = Object.fromEntries(new FormData(form, event.submitter)); // before the buttons are off
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await post("reply", typed);
    const said = await answer.json();
    if (answer.ok) {
      form.elements.key.value = said.key;
      quote(null);
      form.elements.agreed.value = form.elements.next.value = "";
      document.getElementById("send-release").open = false;
      words.value = saved = "";
      draftState.textContent = "";
      tell(said.notice);
    } else {
      tell(said.message);
      await save();
    }
    refresh();
  } catch {
    tell(say("送れたか分かりません。もう一度「送る」を押しても、二重には届きません。"));
  } finally {
    sending = false;
    for (const button of buttons) button.disabled = false;
    words.focus();
  }
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.tagName === "INPUT") event.preventDefault(); // it would send, not give back
});
words.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !composing(event)) {
    event.preventDefault();
    if (event.shiftKey) translate();
    else form.requestSubmit();
  }
});

// --- what keeps one on the page -------------------------------------------------------------------------------------

main.addEventListener("submit", async (event) => {
  const stays = event.target;
  if (!stays.hasAttribute("data-stay")) return;
  event.preventDefault();
  const filled = new FormData(stays);
  const body = stays.enctype === "multipart/form-data" ? filled : new URLSearchParams(filled);
  const button = stays.querySelector("button");
  button.disabled = true;
  const answer = await fetch(stays.action, { method: "POST", body, headers: { accept: "application/json" } }).catch(() => null);
  button.disabled = false;
  if (!answer) return tell(say("送れませんでした。書いたものは残っています。もう一度押してください。"));
  const said = await answer.json();
  if (answer.ok) {
    stays.reset();
    if (said.key) stays.elements.key.value = said.key;
    stays.closest("details")?.removeAttribute("open");
  }
  tell(answer.ok ? said.notice ?? "" : said.message);
  refresh();
});

// --- quoting --------------------------------------------------------------------------------------------------------

const quoting = document.getElementById("quoting");
function quote(link) {
  form.elements.quote.value = link?.dataset.quote ?? "";
  quoting.hidden = !link;
  quoting.querySelector("q").textContent = link?.closest(".said").querySelector(".words").textContent ?? "";
  words.focus();
}
main.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-quote], #no-quote");
  if (!link) return;
  event.preventDefault();
  quote(link.dataset.quote ? link : null);
});

// --- who else is here -----------------------------------------------------------------------------------------------

const watchers = document.getElementById("watchers");
let typed = 0;
words.addEventListener("input", () => { typed = Date.now(); });
async function there() {
  if (document.hidden || hidden() || "quiet" in main.dataset) return;
  const answer = await post("here", { typing: Date.now() - typed < 15000 ? "yes" : "no" }).catch(() => null);
  if (!answer?.ok) return;
  const { others } = await answer.json();
  const named = others.map((one) => (one.typing ? say("{name}（書いています）", { name: one.name }) : one.name));
  watchers.textContent = named.length ? say("いま見ている人: {names}", { names: named.join(say("、")) }) : "";
}
addEventListener("pagehide", () => {
  navigator.sendBeacon(`${here}/here`, new URLSearchParams({ csrf: main.dataset.csrf, gone: "yes" }));
});
document.addEventListener("visibilitychange", there);
setInterval(there, 15000);
there();

// --- beside the talk ------------------------------------------------------------------------------------------------

const { shows, open: openBeside } = beside({
  panel: document.getElementById("beside"),
  place: { chosen: () => form.elements.place.value, canLine: () => parts().dataset.line === "yes" },
  insert: (text) => {
    words.focus();
    words.setRangeText(text, words.selectionStart, words.selectionEnd, "end");
    words.dispatchEvent(new Event("input", { bubbles: true }));
  },
  tell,
  refresh,
  sent: () => {
    words.value = saved = "";
    draftState.textContent = "";
  },
});
const translateButton = document.getElementById("translate");
async function translate() {
  if (translateButton.hidden || translateButton.disabled || !form.reportValidity()) return;
  clearTimeout(timer); // the server keeps the draft that it translates
  saved = words.value;
  translateButton.disabled = true;
  tell(say("訳しています…"));
  const opened = await openBeside(translateButton.formAction, words, new URLSearchParams(new FormData(form)));
  translateButton.disabled = false;
  if (opened) tell("");
}
translateButton.addEventListener("click", (event) => { event.preventDefault(); translate(); });
const findPlaces = shows(document.getElementById("find-places"));
const findPhrases = shows(document.getElementById("find-phrases"));

// --- the page -------------------------------------------------------------------------------------------------------

showWords.hidden = false;
showWords.addEventListener("click", () => blur(!main.classList.contains("blurred")));

keys({
  c: () => { const button = document.getElementById("claim"); if (button.offsetParent) button.click(); },
  r: () => { if (words.offsetParent) words.focus(); },
  p: () => { if (words.offsetParent) findPlaces(); },
  t: () => { if (words.offsetParent) findPhrases(); },
  i: () => {
    const chosen = document.activeElement?.closest?.(".said")?.querySelector("[data-quote]");
    const link = chosen ?? [...document.querySelectorAll("[data-quote]")].pop();
    if (link && words.offsetParent) quote(link);
  },
  m: () => {
    const note = document.getElementById("write-note");
    note.open = true;
    document.getElementById("note-text").focus();
  },
  v: () => blur(!main.classList.contains("blurred")),
  j: () => step(".said", 1),
  k: () => step(".said", -1),
  e: () => location.assign(`${here}/emergency`),
  q: () => location.assign(`${root}/`),
});

follow({
  root,
  cursor: Number(parts().dataset.cursor),
  onChange: (changes) => {
    const ours = changes.filter((one) => one.case === main.dataset.case || one.resident === main.dataset.resident);
    unsent ||= ours.some((one) => one.kind === "journal.unsent");
    if (ours.length) refresh();
  },
  onEnd: () => {
    blur(true);
    tell(say("サインインの時間が切れました。下書きは残っています。画面を開きなおしてください。"));
  },
});
setInterval(lease, 1000);
settle();
const journal = document.querySelector("[data-part=journal]");
journal.scrollTop = journal.scrollHeight;

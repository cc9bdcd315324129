// Ask for the state every 700 ms and draw it; send what the person at the phone does.

import { Chat } from "./chat.js";
import { $, actionButton, el } from "./dom.js";
import { STICKERS } from "./stickers.js";

const EVERY = 700;
const FAULTS = {
  timeout: "応答なし（時間切れ）",
  error: "500 サーバーエラー",
  reset: "接続が切れる",
  rate: "429 混雑",
  monthly: "429 月の上限",
  stale_token: "返信トークンの期限切れ",
};

let state = null;
let digest = "";
let open = location.hash.slice(1);
let fetching = null;
const dismissed = new Set();
const drafts = new Map();

const chat = new Chat($("chat"), { perform, unsend: (message) => act({ kind: "unsend", message }) });

// --- talking to the simulator ---------------------------------------------------------------------------------

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) toast(found.message);
  refresh();
  return answer.ok ? found : null;
}

const act = (body) => post("phone/act", { resident: open, ...body });
const network = (body) => post("phone/network", body);

async function look() {
  const answer = await fetch(`phone/state?${new URLSearchParams({ resident: open, seen: digest })}`);
  if (answer.status === 204) return;
  const asked = open;
  const found = await answer.json();
  if (asked !== open) return;
  ({ digest, ...state } = found);
  draw();
}

function refresh() {
  fetching = (fetching ?? Promise.resolve()).then(look).catch(() => {});
  return fetching;
}

async function poll() {
  try {
    await look();
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
  }
  setTimeout(poll, EVERY);
}

// --- drawing --------------------------------------------------------------------------------------------------

function draw() {
  if (!state.open && state.residents.length && !state.residents.some((one) => one.id === open)) {
    return choose(state.residents[0].id);
  }
  drawTabs();
  const resident = state.open;
  $("empty").hidden = Boolean(resident);
  $("account").textContent = state.account.name;
  $("phone-clock").textContent = state.clock.slice(11);
  $("composer").hidden = !resident || resident.blocked;
  $("blocked").hidden = !resident?.blocked;
  $("block").hidden = !resident || resident.blocked;
  $("stranger").hidden = !resident || resident.friend || resident.blocked;
  if (resident) {
    $("who").textContent = `${resident.name}さんの電話`;
    if (resident.draft && drafts.get(resident.id) === undefined) {
      drafts.set(resident.id, resident.draft);
      $("input").value = resident.draft;
      grow();
    }
    if (resident.blocked) $("tray").hidden = true;
    chat.show(resident, state.account.name);
  }
  drawQuick(resident);
  drawMenu(resident);
  drawPanel();
  return undefined;
}

const seenCount = new Map();

function drawTabs() {
  const box = $("tabs");
  if (state.open) seenCount.set(open, state.open.count);
  const json = JSON.stringify([state.residents, open, [...seenCount]]);
  if (box.dataset.json === json) return;
  box.dataset.json = json;
  const focused = document.activeElement?.dataset?.resident;
  box.replaceChildren(
    ...state.residents.map((one) => {
      const unread = one.count - (seenCount.get(one.id) ?? 0);
      const marks = [one.language ?? "言語不明", one.blocked ? "ブロック中" : one.friend ? "友だち" : "友だちではない"];
      return el(
        "button",
        {
          type: "button",
          role: "tab",
          class: "tab",
          "aria-selected": String(one.id === open),
          "aria-label": one.name,
          "aria-description": marks.join("・"),
          "data-testid": "resident-tab",
          "data-resident": one.id,
          onclick: () => choose(one.id),
        },
        el("span", { class: "face person", "aria-hidden": "true", text: [...one.name][0] }),
        el("span", { class: "tab-words" }, el("strong", { text: one.name }), el("small", { text: marks.join("・") })),
        unread > 0 && one.id !== open ? el("span", { class: "unread", text: unread }) : null,
      );
    }),
  );
  if (focused) box.querySelector(`[data-resident="${focused}"]`)?.focus();
}

function choose(id) {
  drafts.set(open, $("input").value || undefined);
  open = id;
  digest = "";
  history.replaceState(null, "", `${location.pathname}#${id}`);
  $("input").value = drafts.get(id) ?? "";
  $("tray").hidden = true;
  grow();
  return refresh();
}

function drawQuick(resident) {
  const last = resident?.chat.at(-1);
  const hidden = !last || dismissed.has(last.id) || $("desktop").checked || resident.blocked;
  const items = hidden ? [] : last.message.quickReply?.items ?? [];
  const box = $("quick");
  const json = JSON.stringify([last?.id, items]);
  if (box.dataset.json === json) return;
  box.dataset.json = json;
  box.hidden = items.length === 0;
  box.scrollLeft = 0;
  box.replaceChildren(
    ...items.map(({ action }) => {
      const perform_ = (one) => perform(one, last.id);
      return el("span", { role: "listitem" }, actionButton(action, perform_, { class: "chip", "data-testid": "quick-reply" }));
    }),
  );
}

let menuOpen = true;

function drawMenu(resident) {
  const box = $("menu");
  const menu = $("desktop").checked ? null : resident?.menu;
  const json = JSON.stringify([menu, menuOpen]);
  if (box.dataset.json === json) return;
  box.dataset.json = json;
  box.hidden = !menu;
  box.replaceChildren();
  if (!menu) return;
  const bar = el("button", { type: "button", class: "menu-bar", "aria-expanded": String(menuOpen), text: `${menu.chatBarText} ${menuOpen ? "▾" : "▴"}` });
  bar.addEventListener("click", () => {
    menuOpen = !menuOpen;
    drawMenu(state.open);
  });
  box.append(bar);
  if (!menuOpen) return;
  const board = el("div", { class: "menu-board" }, el("img", { src: `phone/menu/${menu.id}`, alt: "" }));
  board.style.aspectRatio = `${menu.size.width} / ${menu.size.height}`;
  for (const { bounds, action } of menu.areas) {
    const area = actionButton(action, perform, { class: "menu-area", "data-testid": "rich-menu-area", "aria-label": action.label ?? action.text ?? action.data ?? action.uri }, "");
    area.style.left = `${(100 * bounds.x) / menu.size.width}%`;
    area.style.top = `${(100 * bounds.y) / menu.size.height}%`;
    area.style.width = `${(100 * bounds.width) / menu.size.width}%`;
    area.style.height = `${(100 * bounds.height) / menu.size.height}%`;
    board.append(area);
  }
  box.append(board);
}

function drawPanel() {
  const panel = state.developer;
  $("clock-now").value = state.clock.replace("T", " ");
  const last = panel.last;
  $("webhook-last").value = last
    ? `${last.redelivery ? "再送 " : ""}${last.status || "応答なし"} ${last.reason}（${Math.round(last.seconds * 1000)}ms）・${panel.attempts}件目`
    : "まだ届けていません";
  const held = panel.held === null ? "" : `・ためている ${panel.held}件`;
  $("webhook-last").value += held;
  $("quota").value = `プッシュ ${panel.used} / ${panel.quota ?? "上限なし"} 通・受け付けた送信 ${panel.sent} 件`;
  $("redelivery").checked = panel.redelivery;
  $("twice").checked = panel.twice;
  for (const kind of Object.keys(FAULTS)) $(`fault-${kind}`).checked = panel.faults.includes(kind);
  $("refused").replaceChildren(...panel.refused.map(([path, status, message]) => el("li", { text: `${status} ${path.split("/bot/").at(-1)} ${message}` })));
}

// --- what the person does -------------------------------------------------------------------------------------

async function perform(action, quickOf) {
  const done = () => {
    if (typeof quickOf === "string") dismissed.add(quickOf);
  };
  switch (action.type) {
    case "location":
      return pickLocation();
    case "camera":
    case "cameraRoll":
      return $("photo").click();
    case "clipboard":
      await navigator.clipboard?.writeText(action.clipboardText).catch(() => {});
      return toast("コピーしました");
    case "uri":
      return toast(`このリンクは電話でだけ開けます：${action.uri}`);
    case "datetimepicker": {
      const value = await pickDatetime(action);
      if (!value) return undefined;
      done();
      return act({ kind: "action", action, params: { [action.mode]: value } });
    }
    default:
      done();
      if (action.type === "postback" && action.fillInText) {
        $("input").value = action.fillInText;
        grow();
      }
      return act({ kind: "action", action });
  }
}

async function send() {
  const text = $("input").value;
  if (!text.trim()) return;
  $("input").value = "";
  drafts.set(open, "");
  grow();
  if (!(await act({ kind: "text", text }))) $("input").value = text;
}

function grow() {
  const box = $("input");
  if (!box.offsetParent) return; // hidden: it has no height to measure
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 120)}px`;
}

let toastTimer = 0;

function toast(words) {
  $("toast").textContent = words;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => ($("toast").hidden = true), 4000);
}

// Open a dialog and return the value of the button that closed it.
function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

async function pickLocation() {
  const first = state.places[0];
  let chosen = first;
  const fill = (place) => {
    chosen = place;
    $("latitude").value = place.latitude;
    $("longitude").value = place.longitude;
  };
  $("places").replaceChildren(
    ...state.places.map((place) => {
      const button = el("button", { type: "button", "data-testid": "place", onclick: () => fill(place) });
      button.append(el("strong", { text: place.title }), el("small", { text: place.address }));
      return button;
    }),
  );
  fill(first);
  if ((await ask($("location-dialog"))) !== "ok") return;
  const [latitude, longitude] = [Number($("latitude").value), Number($("longitude").value)];
  const same = latitude === chosen.latitude && longitude === chosen.longitude;
  const words = same ? { title: chosen.title, address: chosen.address } : {};
  await act({ kind: "location", latitude, longitude, ...words });
}

async function pickDatetime(action) {
  const input = $("datetime-input");
  input.type = { date: "date", time: "time", datetime: "datetime-local" }[action.mode];
  const plain = (value) => (value ?? "").replace("t", "T");
  input.min = plain(action.min);
  input.max = plain(action.max);
  input.value = plain(action.initial) || (action.mode === "time" ? state.clock.slice(11) : action.mode === "date" ? state.clock.slice(0, 10) : state.clock);
  return (await ask($("datetime-dialog"))) === "ok" ? input.value : "";
}

async function addResident() {
  $("add-name").value = "";
  if ((await ask($("add-dialog"))) !== "ok") return;
  const asked = { name: $("add-name").value, language: $("add-language").value, friend: $("add-friend").checked };
  const made = await post("phone/residents", asked);
  if (made) await choose(made.id);
}

async function greet(text) {
  await look();
  $("greeting-text").textContent = text;
  const pick = (value, words, testid) => el("button", { value, class: "wide", "data-testid": testid, text: words });
  $("greeting-choices").replaceChildren(
    pick("new", "新しい人の電話で開く", "greeting-new"),
    ...state.residents.map((one) => pick(one.id, `${one.name}の電話で開く`, "greeting-choose")),
  );
  history.replaceState(null, "", location.pathname + location.hash);
  let id = await ask($("greeting-dialog"));
  if (!id || id === "cancel") return;
  if (id === "new") id = (await post("phone/residents", { friend: false, language: "ja" })).id;
  await post("phone/act", { resident: id, kind: "greeting", text });
  drafts.set(id, undefined);
  await choose(id);
  $("input").value = text;
  grow();
  $("input").focus();
}

// --- wiring ---------------------------------------------------------------------------------------------------

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("input").addEventListener("input", grow);
$("quick").addEventListener("wheel", (event) => ($("quick").scrollLeft += event.deltaY), { passive: true });
$("input").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
});
$("tools").addEventListener("click", () => {
  $("tray").hidden = !$("tray").hidden;
  $("tools").setAttribute("aria-expanded", String(!$("tray").hidden));
});
$("stickers").append(
  ...STICKERS.map((one) =>
    el("button", {
      type: "button",
      text: one.face,
      "aria-label": `スタンプ：${one.word}`,
      "data-testid": "sticker",
      onclick: () => {
        $("tray").hidden = true;
        act({ kind: "sticker", sticker: one.id, keywords: one.keywords });
      },
    }),
  ),
);
for (const [id, path] of [["photo", "picture"], ["file", "file"]]) {
  $(id).addEventListener("change", async () => {
    const [file] = $(id).files;
    $(id).value = "";
    $("tray").hidden = true;
    if (!file) return;
    const asked = new URLSearchParams({ resident: open, name: file.name });
    const answer = await fetch(`phone/${path}?${asked}`, { method: "POST", headers: { "content-type": file.type }, body: file });
    if (!answer.ok) toast((await answer.json()).message);
    refresh();
  });
}
$("location").addEventListener("click", () => {
  $("tray").hidden = true;
  pickLocation();
});
$("add").addEventListener("click", addResident);
for (const [id, kind] of [["follow", "follow"], ["unblock", "follow"], ["block", "block"]]) {
  $(id).addEventListener("click", () => act({ kind }));
}
$("desktop").addEventListener("change", () => draw());
$("clock-night").addEventListener("click", () => post("phone/clock", { at: "02:10" }));
$("clock-reset").addEventListener("click", () => post("phone/clock", { at: "" }));
$("clock-set").addEventListener("click", () => $("clock-input").value && post("phone/clock", { at: $("clock-input").value }));
$("faults").append(
  ...Object.entries(FAULTS).map(([kind, words]) => {
    const box = el("input", { type: "checkbox", id: `fault-${kind}`, "data-testid": `fault-${kind}` });
    box.addEventListener("change", () => network({ do: "fault", fault: kind, on: box.checked, after: $("fault-after").checked }));
    return el("label", {}, box, words);
  }),
);
for (const id of ["redelivery", "twice"]) $(id).addEventListener("change", () => network({ do: id, on: $(id).checked }));
for (const button of document.querySelectorAll("[data-network]")) {
  const { network: what, reverse, together } = button.dataset;
  button.addEventListener("click", () => network({ do: what, reverse: Boolean(reverse), together: Boolean(together) }));
}
if (matchMedia("(max-width: 760px)").matches) $("developer").open = false;

const greeting = new URLSearchParams(location.search).get("greeting");
poll();
if (greeting !== null) greet(greeting);

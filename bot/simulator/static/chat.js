// Draw the chat: one article for each bubble, redrawn only when it changed.

import { actionButton, el, linked } from "./dom.js";
import { renderFlex } from "./flex.js";
import { stickerOf } from "./stickers.js";

const WEEK = "日月火水木金土";

export class Chat {
  constructor(root, { perform, unsend }) {
    this.root = root;
    this.perform = perform;
    this.unsend = unsend;
    this.drawn = new Map();
    this.owner = null;
    this.stuck = true; // at the newest bubble, and staying there when the room for the chat changes
    this.top = 0;
    root.addEventListener("scroll", () => {
      if (root.scrollHeight - root.scrollTop - root.clientHeight < 80) this.stuck = true;
      else if (root.scrollTop < this.top - 5) this.stuck = false; // only a person scrolls up
      this.top = root.scrollTop;
    });
    root.addEventListener("load", () => this.#follow(), true);
    new ResizeObserver(() => this.#follow()).observe(root);
  }

  #follow() {
    if (this.stuck) this.root.scrollTop = this.root.scrollHeight;
    this.top = this.root.scrollTop;
  }

  show(resident, account) {
    const fresh = this.owner !== resident.id;
    if (fresh) {
      this.drawn.clear();
      this.root.replaceChildren();
    }
    this.owner = resident.id;
    const before = this.drawn.size;
    const wanted = [];
    let day = "";
    let speaker = "";
    for (const bubble of resident.chat) {
      const today = bubble.at.slice(0, 10);
      if (today !== day) {
        wanted.push(this.#keep(`day-${today}-${bubble.id}`, today, () => dayLine(today)));
        [day, speaker] = [today, ""];
      }
      const name = bubble.mine ? "" : bubble.sender;
      const first = bubble.mine || name !== speaker;
      speaker = name;
      wanted.push(this.#keep(bubble.id, JSON.stringify([bubble, first]), () => this.#article(bubble, first, account)));
    }
    if (resident.loading) wanted.push(this.#keep("loading", "loading", loading));
    const keys = new Set(wanted.map(([key]) => key));
    for (const key of this.drawn.keys()) if (!keys.has(key)) this.drawn.delete(key);
    wanted.forEach(([, node], at) => {
      if (this.root.children[at] !== node) this.root.insertBefore(node, this.root.children[at] ?? null);
    });
    while (this.root.children.length > wanted.length) this.root.lastChild.remove();
    if (fresh || (this.drawn.size > before && resident.chat.at(-1)?.mine)) this.stuck = true;
    this.#follow();
  }

  #keep(key, json, make) {
    const old = this.drawn.get(key);
    if (old?.json === json) return [key, old.node];
    const node = make();
    this.drawn.set(key, { json, node });
    return [key, node];
  }

  #article(bubble, first, account) {
    const who = bubble.mine ? "自分" : bubble.sender;
    const node = el("article", {
      class: `bubble ${bubble.mine ? "mine" : "theirs"} kind-${bubble.kind} ${first ? "first" : ""}`,
      "data-testid": "bubble",
      "data-id": bubble.id,
      "data-kind": bubble.kind,
      "data-mine": String(bubble.mine),
      "aria-label": `${who} ${bubble.at.slice(11)}`,
    });
    if (bubble.kind === "unsent") {
      node.className = "note";
      node.textContent = "メッセージの送信を取り消しました";
      return node;
    }
    const content = this.#content(bubble);
    const meta = el("div", { class: "meta" });
    if (bubble.mine) {
      if (!bubble.id.startsWith("local-")) {
        meta.append(
          el("button", {
            type: "button",
            class: "unsend",
            text: "取消",
            "aria-label": "送信を取り消す",
            "data-testid": "unsend",
            onclick: () => this.unsend(bubble.id),
          }),
        );
      }
      if (bubble.read) meta.append(el("span", { text: "既読" }));
    }
    meta.append(el("time", { text: bubble.at.slice(11) }));
    if (bubble.mine) {
      node.append(meta, content);
      return node;
    }
    const face = bubble.icon
      ? el("img", { class: "face", src: bubble.icon, alt: "", referrerpolicy: "no-referrer" })
      : el("span", { class: `face ${bubble.sender === account ? "" : "person"}`, "aria-hidden": "true", text: [...bubble.sender][0] });
    const name = el("div", { class: "name", text: bubble.sender });
    if (bubble.sender !== account) name.append(el("small", { text: ` ${account}` }));
    node.append(first ? face : el("span", { class: "face gap" }), el("div", { class: "stack" }, first ? name : null, el("div", { class: "line" }, content, meta)));
    return node;
  }

  #content(bubble) {
    const message = bubble.message;
    switch (message.type) {
      case "text":
      case "textV2":
        return el("div", { class: "words" }, ...linked(message.text));
      case "sticker": {
        const sticker = stickerOf(message);
        return el("div", { class: "sticker", role: "img", "aria-label": `スタンプ：${sticker.word}`, text: sticker.face });
      }
      case "image":
        return el("img", {
          class: "picture",
          alt: "写真",
          src: bubble.mine ? `phone/content/${bubble.id}` : message.previewImageUrl,
          referrerpolicy: "no-referrer",
        });
      case "audio":
      case "video":
        return el(message.type, { class: message.type === "video" ? "picture" : "voice", controls: "", src: `phone/content/${bubble.id}`, "aria-label": message.type === "audio" ? "音声" : "動画" });
      case "file":
        return el("div", { class: "words", text: `📄 ${message.fileName}（${Math.ceil(message.fileSize / 1000)} KB）` });
      case "location":
        return location(message);
      case "flex": {
        const card = renderFlex(message.contents, this.perform);
        card.setAttribute("aria-description", message.altText);
        return card;
      }
      case "template":
        return this.#template(message.template, message.altText);
      default:
        return el("div", { class: "words", text: `［${message.type}］` });
    }
  }

  #template(spec, altText) {
    if (spec.columns) {
      const row = el("div", { class: "carousel", tabindex: "0", role: "group", "aria-label": altText });
      row.append(...spec.columns.map((column) => this.#column(column.action ? { ...column, actions: [column.action] } : column)));
      return row;
    }
    return this.#column(spec);
  }

  #column(spec) {
    const card = el("div", { class: `template ${spec.type ?? "column"}` });
    const picture = spec.thumbnailImageUrl ?? spec.imageUrl;
    if (picture) card.append(el("img", { src: picture, alt: "", referrerpolicy: "no-referrer" }));
    if (spec.title) card.append(el("strong", { text: spec.title }));
    if (spec.text) card.append(el("p", { text: spec.text }));
    const actions = el("div", { class: "actions" });
    actions.append(...spec.actions.map((action) => actionButton(action, this.perform, { "data-testid": "action" })));
    card.append(actions);
    return card;
  }
}

function dayLine(day) {
  const date = new Date(`${day}T00:00:00`);
  return el("div", { class: "day", text: `${date.getMonth() + 1}月${date.getDate()}日（${WEEK[date.getDay()]}）` });
}

function loading() {
  const dots = el("div", { class: "words dots" }, el("i"), el("i"), el("i"));
  return el("div", { class: "bubble theirs", role: "status", "aria-label": "入力中", "data-testid": "loading" }, el("span", { class: "face gap" }), dots);
}

function location(message) {
  const at = `${message.latitude},${message.longitude}`;
  return el(
    "a",
    { class: "place", href: `https://www.google.com/maps?q=${at}`, target: "_blank", rel: "noopener noreferrer" },
    el("span", { class: "map", "aria-hidden": "true", text: "📍" }),
    el("strong", { text: message.title || "位置情報" }),
    el("span", { text: message.address || at }),
  );
}

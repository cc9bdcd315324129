// Places beside the talk: the page that finds and sends them, shown in the talk's own page without leaving it.

import { composing } from "./keys.js";

export function placesBeside({ link, panel, place, tell, refresh }) {
  async function open(url) {
    const answer = await fetch(url, { headers: { accept: "text/html" }, redirect: "error" }).catch(() => null);
    if (!answer?.ok) { tell("場所をさがせませんでした。担当が変わったか、接続が切れています。"); return; }
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("places");
    panel.querySelector("[data-places]").replaceChildren(...found.childNodes);
    panel.hidden = false;
    const line = panel.querySelector("input[name=place][value=line]");
    if (line) {
      line.disabled = !place.canLine();
      panel.querySelector(`input[name=place][value=${place.chosen()}]`).checked = true;
    }
    (panel.querySelector("input[name=chosen]") ?? panel.querySelector("input[type=search]")).focus();
  }

  function close() {
    panel.hidden = true;
    panel.querySelector("[data-places]").replaceChildren();
    link.focus();
  }

  async function send(form) {
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
      const said = await answer.json();
      tell(answer.ok ? said.notice : said.message);
      if (answer.ok) close();
      refresh();
    } catch {
      tell("送れたか分かりません。もう一度「送る」を押しても、二重には届きません。");
    } finally {
      button.disabled = false;
    }
  }

  link.addEventListener("click", (event) => { event.preventDefault(); open(link.href); });
  panel.querySelector("[data-close]").addEventListener("click", close);
  panel.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    if (form.method === "post") send(form);
    else open(`${form.action}?${new URLSearchParams(new FormData(form))}`);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !composing(event)) close();
  });
  return () => open(link.href);
}

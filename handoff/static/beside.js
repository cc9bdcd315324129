// Pages that help while one writes (places, sentences), shown in the talk's own page without leaving it.

import { composing } from "./keys.js";
import { say } from "./words.js";

export function beside({ panel, place, insert, tell, refresh, sent }) {
  const part = panel.querySelector("[data-part-beside]");
  let from = null;

  async function open(url, link, body) {
    from = link ?? from;
    const asked = { headers: { accept: "text/html" }, redirect: "error", ...(body && { method: "POST", body }) };
    const answer = await fetch(url, asked).catch(() => null);
    if (!answer?.ok) { tell(say("ひらけませんでした。担当が変わったか、接続が切れています。")); return false; }
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("beside-part");
    panel.querySelector("h2 span").textContent = found.dataset.title;
    part.replaceChildren(...found.childNodes);
    panel.hidden = false;
    const line = part.querySelector("input[name=place][value=line]");
    if (line) {
      line.disabled = !place.canLine();
      part.querySelector(`input[name=place][value=${place.chosen()}]`).checked = true;
    }
    (part.querySelector("input[name=chosen]") ?? part.querySelector("input[type=search], [data-first]")).focus();
    return true;
  }

  function close() {
    panel.hidden = true;
    part.replaceChildren();
    from?.focus();
  }

  async function send(form) {
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
      const said = await answer.json();
      tell(answer.ok ? said.notice : said.message);
      if (answer.ok) {
        close();
        if (form.dataset.drafted !== undefined) sent(); // it was the reply that was being written
      }
      refresh();
    } catch {
      tell(say("送れたか分かりません。もう一度「送る」を押しても、二重には届きません。"));
    } finally {
      button.disabled = false;
    }
  }

  panel.querySelector("[data-close]").addEventListener("click", close);
  panel.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("[data-insert]");
    if (!chosen) return;
    close();
    insert(chosen.dataset.insert);
  });
  panel.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    if (form.dataset.show !== undefined) open(form.action, null, new URLSearchParams(new FormData(form)));
    else if (form.method === "post") send(form);
    else open(`${form.action}?${new URLSearchParams(new FormData(form))}`);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !composing(event)) close();
  });
  const shows = (link) => {
    link.addEventListener("click", (event) => { event.preventDefault(); open(link.href, link); });
    return () => open(link.href, link);
  };
  return { shows, open };
}

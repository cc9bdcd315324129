// The work list by keyboard: j and k walk, v and e press the row's own button and link.
// The rule: a form that is sent from here brings the list back without leaving the page, and the focus goes on.

import { keys, step } from "./keys.js";
import { say } from "./words.js";

const list = document.getElementById("list");
const announced = document.getElementById("announced");
const row = () => document.activeElement?.closest?.("[data-row]") ?? list.querySelector("[data-row]");

list.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-quiet]");
  if (!form) return;
  event.preventDefault();
  const here = [...list.querySelectorAll("[data-row]")].indexOf(form.closest("[data-row]"));
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("list");
  if (!answer.ok || !fresh) {
    announced.textContent = page.querySelector("[role=alert]")?.textContent ?? say("うまくいきませんでした。画面を開きなおしてください。");
    announced.className = "problem";
    return;
  }
  list.replaceChildren(...fresh.childNodes);
  announced.textContent = page.querySelector(".notice")?.textContent ?? "";
  const links = list.querySelectorAll(".row-link");
  links[Math.min(Math.max(here, 0), links.length - 1)]?.focus();
});

const press = (key) => row()?.querySelector(`[data-key="${key}"]`)?.click();
keys({ j: () => step(".row-link", 1), k: () => step(".row-link", -1), v: () => press("v"), e: () => press("e") });

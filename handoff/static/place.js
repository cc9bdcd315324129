// One place by keyboard: v, e and q press what stands on the page. What went wrong is read first.

import { keys } from "./keys.js";

for (const [key, id] of Object.entries({ v: "verify", e: "edit", q: "back" })) {
  const one = document.getElementById(id);
  if (one) keys({ [key]: () => one.click() });
}
document.getElementById("problems")?.focus();

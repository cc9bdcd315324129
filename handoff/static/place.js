// One place by keyboard: v, e and q press what stands on the page. What went wrong is read first.

import { keys } from "./keys.js";

const press = (id) => document.getElementById(id)?.click();

keys({ v: () => press("verify"), e: () => press("edit"), q: () => press("back") });
document.getElementById("problems")?.focus();

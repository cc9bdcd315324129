// Any list of rows can be walked with j and k; Enter follows the focused link by itself; / goes to the search.

import { keys, step } from "./keys.js";

const words = document.querySelector("#words, #number");
keys({ j: () => step("a.row-link", 1), k: () => step("a.row-link", -1) });
if (words) keys({ "/": () => words.focus() });

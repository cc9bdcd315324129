// Any list of rows can be walked with j and k; Enter follows the focused link by itself; / goes to the search.

import { keys, step } from "./keys.js";

keys({ j: () => step(".row-link", 1), k: () => step(".row-link", -1), "/": () => document.getElementById("words")?.focus() });

// Make elements without innerHTML: whatever a resident or the desk wrote stays text.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "onclick") node.addEventListener("click", value);
    else if (name === "text") node.textContent = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const $ = (id) => document.getElementById(id);

// Links and telephone numbers inside a text become links, as LINE shows them.
const LINK = /(https?:\/\/[^\s<>"'、。」）]+)|(?<![\d-])(0\d{1,4}-\d{1,4}-\d{3,4})(?![\d-])/g;

export function linked(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(from, found.index));
    const href = found[1] ?? `tel:${found[2]}`;
    parts.push(el("a", { href, target: "_blank", rel: "noopener noreferrer", text: found[0] }));
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

// A button for an action: real links for uri actions, so that a browser (and a test) can follow them.
export function actionButton(action, perform, props = {}, ...children) {
  const content = children.length ? children : [action.label ?? ""];
  if (action.type === "uri" && /^(https?|tel):/.test(action.uri)) {
    return el("a", { href: action.uri, target: "_blank", rel: "noopener noreferrer", ...props }, ...content);
  }
  return el("button", { type: "button", onclick: () => perform(action), ...props }, ...content);
}

// Render the part of Flex that the desk sends: bubble, carousel, box, text, span, button, image, icon, separator, filler.

import { actionButton, el } from "./dom.js";

const WIDTH = { nano: 120, micro: 160, deca: 220, hecto: 241, kilo: 260, mega: 300, giga: 386 };
const FONT = { xxs: 11, xs: 13, sm: 14, md: 16, lg: 19, xl: 22, xxl: 29, "3xl": 35, "4xl": 48, "5xl": 74 };
const SPACE = { none: 0, xs: 2, sm: 4, md: 8, lg: 12, xl: 16, xxl: 20 };
const IMAGE = { xxs: 40, xs: 60, sm: 80, md: 100, lg: 120, xl: 140, xxl: 160, "3xl": 180, "4xl": 200, "5xl": 220 };
const NOTHING = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"; // for a picture that is not there
const ALIGN = { start: "left", center: "center", end: "right" };
const PLACE = { top: "flex-start", center: "center", bottom: "flex-end" };

const space = (value) => (value in SPACE ? `${SPACE[value]}px` : value);

export function renderFlex(container, perform) {
  if (container.type === "carousel") {
    const row = el("div", { class: "carousel", tabindex: "0", role: "group", "aria-label": "カード" });
    row.append(...container.contents.map((one) => bubble(one, perform)));
    return row;
  }
  return bubble(container, perform);
}

function bubble(spec, perform) {
  const node = el("div", { class: `flex-bubble ${spec.direction === "rtl" ? "rtl" : ""}` });
  node.style.width = `${WIDTH[spec.size ?? "mega"]}px`;
  for (const part of ["header", "hero", "body", "footer"]) {
    if (!spec[part]) continue;
    const style = spec.styles?.[part] ?? {};
    const block = el("div", { class: `flex-block flex-${part}` });
    if (style.separator) block.classList.add("ruled");
    if (style.separatorColor) block.style.borderTopColor = style.separatorColor;
    if (style.backgroundColor) block.style.backgroundColor = style.backgroundColor;
    const inner = component(spec[part], perform, "vertical");
    if (spec[part].type === "box") padBlock(inner, part, spec[part]);
    block.append(inner);
    node.append(block);
  }
  return tappable(node, spec.action, perform);
}

function padBlock(inner, part, spec) {
  if (part === "hero" || spec.paddingAll !== undefined) return;
  inner.classList.add(`pad-${part}`);
}

function tappable(node, action, perform) {
  if (!action) return node;
  node.classList.add("tappable");
  node.setAttribute("role", "button");
  node.setAttribute("tabindex", "0");
  if (action.label) node.setAttribute("aria-label", action.label);
  const act = () => (action.type === "uri" ? window.open(action.uri, "_blank", "noopener") : perform(action));
  node.addEventListener("click", (event) => {
    if (!event.target.closest("a, button")) act();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === node) act();
  });
  return node;
}

const KINDS = { box, text, span, button, image, icon, separator: () => el("div", { class: "flex-separator", role: "separator" }), filler: () => el("div", { class: "flex-filler" }), video: (spec, perform) => component(spec.altContent, perform, "vertical") };

function component(spec, perform, parent) {
  const node = (KINDS[spec.type] ?? (() => el("div")))(spec, perform);
  const across = parent !== "vertical";
  const grow = spec.flex ?? (across && spec.type !== "separator" && spec.type !== "icon" ? 1 : spec.type === "filler" ? 1 : 0);
  node.style.flex = grow > 0 ? `${grow} 1 ${across ? "0" : "auto"}` : "0 0 auto";
  if (grow === 0 && across) node.style.maxWidth = "100%";
  if (spec.type === "separator") {
    node.classList.add(across ? "upright" : "flat");
    if (spec.color) node.style.backgroundColor = spec.color;
  }
  if (spec.gravity && across) node.style.alignSelf = PLACE[spec.gravity];
  if (spec.position === "absolute") node.style.position = "absolute";
  for (const [name, side] of [["offsetTop", "top"], ["offsetBottom", "bottom"], ["offsetStart", "left"], ["offsetEnd", "right"]]) {
    if (spec[name]) {
      node.style[side] = space(spec[name]);
      if (spec.position !== "absolute") node.style.position = "relative";
    }
  }
  return spec.type === "button" ? node : tappable(node, spec.action, perform);
}

function box(spec, perform) {
  const node = el("div", { class: `flex-box ${spec.layout}` });
  const across = spec.layout !== "vertical";
  spec.contents.forEach((child, index) => {
    const inner = component(child, perform, spec.layout);
    const gap = child.margin ?? spec.spacing;
    if (index > 0 && gap) inner.style[across ? "marginInlineStart" : "marginTop"] = space(gap);
    node.append(inner);
  });
  const style = node.style;
  if (spec.backgroundColor) style.backgroundColor = spec.backgroundColor;
  if (spec.background?.type === "linearGradient") {
    style.backgroundImage = `linear-gradient(${spec.background.angle}, ${spec.background.startColor}, ${spec.background.endColor})`;
  }
  if (spec.borderWidth || spec.borderColor) {
    style.border = `${borderWidth(spec.borderWidth)} solid ${spec.borderColor ?? "#d4d6da"}`;
  }
  if (spec.cornerRadius) style.borderRadius = space(spec.cornerRadius);
  if (spec.paddingAll) style.padding = space(spec.paddingAll);
  for (const [name, side] of [["paddingTop", "Top"], ["paddingBottom", "Bottom"], ["paddingStart", "Left"], ["paddingEnd", "Right"]]) {
    if (spec[name]) style[`padding${side}`] = space(spec[name]);
  }
  for (const name of ["width", "height", "maxWidth", "maxHeight"]) if (spec[name]) style[name] = spec[name];
  if (spec.justifyContent) style.justifyContent = spec.justifyContent;
  if (spec.alignItems) style.alignItems = spec.alignItems;
  return node;
}

const borderWidth = (value) =>
  ({ none: "0", light: "0.5px", normal: "1px", medium: "2px", "semi-bold": "3px", bold: "4px" })[value] ?? value ?? "1px";

function letters(node, spec) {
  if (spec.size) node.style.fontSize = spec.size in FONT ? `${FONT[spec.size]}px` : spec.size;
  if (spec.color) node.style.color = spec.color;
  if (spec.weight === "bold") node.classList.add("bold");
  if (spec.style === "italic") node.classList.add("italic");
  if (spec.decoration && spec.decoration !== "none") node.style.textDecoration = spec.decoration;
  return node;
}

function text(spec, perform) {
  const node = letters(el("div", { class: "flex-text" }), spec);
  if (spec.contents?.length) node.append(...spec.contents.map((one) => span(one)));
  else node.textContent = spec.text;
  if (spec.wrap) node.classList.add("wrap");
  if (spec.wrap && spec.maxLines) {
    node.classList.add("clamped");
    node.style.setProperty("-webkit-line-clamp", spec.maxLines);
  }
  if (spec.align) node.style.textAlign = ALIGN[spec.align];
  if (spec.lineSpacing) node.style.lineHeight = `calc(1.4em + ${spec.lineSpacing})`;
  return node;
}

function span(spec) {
  return letters(el("span", { text: spec.text }), spec);
}

function button(spec, perform) {
  const node = actionButton(spec.action, perform, {
    class: `flex-button ${spec.style ?? "link"} ${spec.height ?? "md"}`,
    "data-testid": "action",
  });
  if (spec.color) node.style[(spec.style ?? "link") === "link" ? "color" : "backgroundColor"] = spec.color;
  return node;
}

function image(spec) {
  const node = el("div", { class: `flex-image ${spec.align ?? "center"}` });
  const [width, height] = (spec.aspectRatio ?? "1:1").split(":").map(Number);
  const picture = el("img", { src: spec.url, alt: "", loading: "lazy", referrerpolicy: "no-referrer" });
  picture.addEventListener("error", () => (picture.src = NOTHING), { once: true });
  const size = spec.size ?? "md";
  picture.style.width = size === "full" ? "100%" : size in IMAGE ? `${IMAGE[size]}px` : size;
  picture.style.aspectRatio = `${width} / ${height}`;
  picture.style.objectFit = spec.aspectMode === "cover" ? "cover" : "contain";
  if (spec.backgroundColor) picture.style.backgroundColor = spec.backgroundColor;
  node.append(picture);
  return node;
}

function icon(spec) {
  const node = el("img", { class: "flex-icon", src: spec.url, alt: "", referrerpolicy: "no-referrer" });
  node.style.width = spec.size in FONT ? `${FONT[spec.size]}px` : spec.size ?? "16px";
  return node;
}

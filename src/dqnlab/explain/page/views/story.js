/** The story of DQN, in a drawer: it travels in this file, packed, and is unpacked when somebody opens it. */

import { inflated } from "../core/codec.js";
import { clear, el } from "../core/dom.js";

/**
 * {link, drawer, settle()}: what opens it; the drawer itself, which belongs at the end of the page; what opens it there if
 * the address says so. The browser's way back closes it.
 */
export function makeStory({ t, lang, store }) {
  store.declare("story", 0);
  const text = el("div", { class: "story-text", tabindex: "-1" });
  const close = el("button", { type: "button", on: { click: () => drawer.close() } }, t("main.close"));
  const drawer = el("dialog", {
    class: "story", "aria-label": t("main.story_title"),
    on: { click: (event) => { if (event.target === drawer) drawer.close(); }, close: () => store.set({ story: 0 }) },
  }, el("div", { class: "story-head" }, el("h2", {}, t("main.story_title")), close), text);
  const open = () => {
    drawer.showModal();
    if (text.childElementCount) return;
    const { texts, pictures } = inflated(document.getElementById("story").textContent);
    clear(text).append(...texts[lang].map((block) => drawn(block, pictures)));
    text.focus({ preventScroll: true });
  };
  const settle = () => {
    if (!store.get("story")) drawer.close();
    else if (!drawer.open) open();
  };
  store.on(["story"], settle);
  const wanted = () => store.set({ story: 1 }, { entry: true });
  return { link: el("button", { type: "button", class: "plain story-link", on: { click: wanted } }, t("main.read_story")), drawer, settle };
}

/** A block `[kind, content]` as an element. */
function drawn([kind, content, words], pictures) {
  if (kind === "img") return el("img", { src: `data:image/svg+xml,${encodeURIComponent(pictures[content])}`, alt: words });
  if (kind === "pre") return el("pre", {}, content);
  if (kind === "ul") return el("ul", {}, content.map((item) => el("li", {}, parts(item))));
  if (kind === "table") return el("div", { class: "scroll" }, el("table", {}, content.map((cells, i) =>
    el("tr", {}, cells.map((cell) => el(i ? "td" : "th", i ? {} : { scope: "col" }, parts(cell)))))));
  return el(kind, {}, parts(content));
}

/** A line of text: plain parts, and `[mark, parts]`. */
function parts(line) {
  return line.map((part) => (typeof part === "string" ? part : el(part[0], {}, parts(part[1]))));
}

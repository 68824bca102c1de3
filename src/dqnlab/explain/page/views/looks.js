/** How a network with convolutions looks at pictures: what it sees, which pixels mattered, the feature maps of each layer. */

import { clear, el, perFrame } from "../core/dom.js";
import { actionClass, actionName } from "../core/naming.js";

const WIDEST = 560; // pixels of the page
const LARGER = 8; // times its own pixels, at most

/** Whether an episode holds anything of this kind. */
export const hasLooks = ({ data }) => data.episodes.some((episode) => episode.looks);

/** The look at a moment or the one kept before it: {place, step, exact, looks}; null where there is none. */
export function lookAt({ looks }, t) {
  if (!looks) return null;
  const place = Math.min(Math.floor(t / looks.every), looks.best.data.length - 1);
  return { place, step: place * looks.every, exact: place * looks.every === t, looks };
}

export function mountLooks(root, page) {
  const draw = () => clear(root).append(content(page));
  const soon = perFrame(draw);
  page.store.on(["ep", "t"], soon);
  draw();
  return soon.cancel;
}

/** What the network sees of a picture at a moment, as one image. */
export function seenImage({ t }, { place }, view) {
  const words = t(view.frames > 1 ? "looks.seen_stack" : "looks.seen_one", { n: view.frames, height: view.height, width: view.width });
  return image(view.seen[place], words, view.width * view.frames);
}

function content(page) {
  const { t } = page;
  const moment = page.moment();
  const found = lookAt(moment.episode, moment.t);
  if (found === null) return el("p", {}, t("looks.none"));
  const { looks, place, step, exact } = found;
  return el("div", { class: "looks" },
    el("p", { class: "muted" }, t(exact ? "looks.when" : "looks.as_of", { step, every: looks.every })),
    looks.views.map((view) => el("div", { class: "looks-view" },
      el("div", { class: "card" },
        el("h3", {}, view.name ? t("looks.seen_named", { name: view.name }) : t("looks.seen")),
        seenImage(page, found, view),
        el("h3", {}, t("looks.mattered")),
        mattered(page, found, view)),
      el("div", { class: "card" },
        el("h3", {}, t("looks.layers")),
        el("p", { class: "muted numbers-only" }, t("looks.white")),
        view.layers.map((layer, k) => maps(page, layer, k, place))))));
}

function mattered(page, { looks, place }, view) {
  const { t, num } = page;
  const largest = view.largest.data[place];
  const [best, second] = [looks.best.data[place], looks.second.data[place]];
  const names = { best: actionName(page, best), second: second < 0 ? "" : actionName(page, second) };
  return [
    el("p", {}, t(second < 0 ? "looks.question_alone" : "looks.question", names)),
    image(view.mattered[place], t("looks.mattered"), view.width * view.frames),
    el("p", { class: "looks-legend" },
      el("span", { class: actionClass(best) }, t("looks.for", names)),
      el("span", { class: second < 0 ? null : actionClass(second) }, t("looks.against", names))),
    el("p", { class: largest === 0 ? null : "numbers-only" }, t(largest === 0 ? "looks.nothing" : "looks.largest", { largest: num(largest) })),
    el("p", { class: "muted numbers-only" }, t("looks.method")),
  ];
}

function maps({ t }, { channels, height, width, columns, images }, k, place) {
  const words = t("looks.layer", { k: k + 1, channels, height, width });
  return el("figure", { class: "looks-layer" }, el("figcaption", {}, words), image(images[place], words, (width + 1) * columns));
}

/** An image whose pixels stay squares, larger by a whole number where there is room. */
function image(source, words, width) {
  const node = el("img", { src: source, alt: words, class: "looks-image" });
  node.style.width = `${width * Math.max(Math.min(Math.floor(WIDEST / width), LARGER), 1)}px`;
  return node;
}

/** Puts the page together: a head, a way around, and a section for each view. */

import { inflated, taken } from "./core/codec.js";
import { clear, el, perFrame } from "./core/dom.js";
import { LANGUAGES, makeWords, preferred } from "./core/i18n.js";
import { makePage } from "./core/page.js";
import { makeSight } from "./core/sight.js";
import { Store } from "./core/store.js";
import { tendTables } from "./core/tables.js";
import { mountCurve } from "./views/curve.js";
import { mountDecision } from "./views/decision.js";
import { headline } from "./views/headline.js";
import { mountHealth } from "./views/health.js";
import { mountInside } from "./views/inside.js";
import { mountMaps } from "./views/maps.js";
import { makePlayer } from "./views/player.js";
import { mountStep } from "./views/step.js";
import { makeStory } from "./views/story.js";
import { mountWhatif } from "./views/whatif.js";
import { mountWorld } from "./views/world.js";
import { canDuel, mountYou } from "./views/you.js";
import { Playback } from "./world/playback.js";

export const VIEWS = {
  world: mountWorld, decision: mountDecision, whatif: mountWhatif, maps: mountMaps, inside: mountInside,
  step: mountStep, health: mountHealth, curve: mountCurve, you: mountYou,
};

/** How much is told: the story in plain words, or every number. Elements of one level only say so by their class. */
const LEVELS = ["story", "numbers"];

const read = (id) => document.getElementById(id).textContent;

const words = inflated(read("words"));
let data = taken(JSON.parse(read("data")));
const store = new Store({
  level: LEVELS[0], lang: preferred(), theme: "auto", at: "", ep: data.labels?.usual ?? 0, t: 0,
});
let gone = null; // {id, y} where a link has led
let marking = () => {}; // marks the current section soon
let unmount = () => {};
let mount = () => {}; // puts a view onto the page, anew if it is there
let sections = []; // those that the page has, by their names

/** Draws everything; returns what plays the episode, or null. */
function show() {
  unmount();
  const lang = Object.hasOwn(LANGUAGES, store.get("lang")) ? store.get("lang") : "en";
  const level = LEVELS.includes(store.get("level")) ? store.get("level") : LEVELS[0];
  const t = makeWords(words, lang);
  document.documentElement.lang = lang;
  Object.assign(document.documentElement.dataset, { theme: store.get("theme"), level });
  document.title = `${t(data.run.env)} – dqnlab`;
  const scope = store.scope();
  const page = makePage(data, scope, t, { lang, level });
  page.playback = data.episodes?.length ? new Playback(data, scope, page.episode) : null;
  const story = makeStory(page);
  sections = sectionsOf(page);
  const nodes = sections.map((id) => (id === "world" ? cockpit(page, story.link) : section(id, t)));
  const main = el("main", {}, nodes);
  const root = clear(document.getElementById("page"));
  root.append(way("decision", t, { text: t("main.skip"), kind: "skip" }), head(t, lang, level), main, foot(t), story.drawer);
  const ends = new Map();
  const scopes = new Map();
  const sight = makeSight(nodes, (node) => scopes.get(node.id)?.wake());
  page.playback?.on({ playing: () => { if (!page.playback.playing) scopes.forEach((each) => each.wake()); } });
  mount = (id) => {
    ends.get(id)?.();
    const node = document.getElementById(id);
    const own = store.scope(() => Boolean(page.playback?.playing) && sight.hidden(node));
    scopes.set(id, own);
    const end = VIEWS[id](clear(document.querySelector(`#${id} > .view`)), { ...page, data, store: own });
    ends.set(id, () => {
      end?.();
      own.close();
    });
  };
  sections.forEach(mount);
  const player = page.playback ? makePlayer(page, document.querySelector("#world .world-controls")) : null;
  if (player) root.append(player.node);
  story.settle();
  const others = [player?.close, markCurrent(nodes), tendTables(main), sight.close];
  unmount = () => {
    page.playback?.close();
    ends.forEach((end) => end());
    others.forEach((end) => end?.());
    scope.close();
  };
  return page.playback;
}

/** The sections that a page of this run has: nobody can play against it where the page lacks something for that. */
function sectionsOf(page) {
  return Object.keys(VIEWS).filter((id) => id !== "you" || canDuel(page));
}

/** The first screen. Its title is there for those who do not see it. */
function cockpit(page, story) {
  return el("section", { id: "world", "aria-labelledby": "world-title" },
    el("h2", { id: "world-title", class: "unseen", tabindex: "-1" }, page.t("world.title")),
    headline(page, (id, text, kind) => way(id, page.t, { text, kind }), story),
    el("div", { class: "view" }));
}

function section(id, t) {
  return el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title`, tabindex: "-1" }, t(`${id}.title`)),
    el("p", { class: "lead" }, t(`${id}.lead`)),
    el("div", { class: "view" }));
}

function head(t, lang, level) {
  const levels = LEVELS.map((each) => el("button", {
    type: "button", "data-level": each, "aria-pressed": String(each === level), on: { click: () => choose(each) },
  }, t(`main.${each}`)));
  const themes = ["auto", "light", "dark"].map((theme) => [theme, t(`main.${theme}`)]);
  return el("header", {},
    el("strong", { class: "brand" }, "dqnlab"),
    el("nav", { "aria-label": t("main.sections") }, sections.map((id) => way(id, t, { text: t(`main.go_${id}`) }))),
    el("div", { class: "choices" },
      el("div", { class: "levels", role: "group", "aria-label": t("main.level") }, levels),
      oneOf("lang", lang, Object.entries(LANGUAGES), t("main.language")),
      oneOf("theme", store.get("theme"), themes, t("main.theme"))));
}

/** A list from which one value of a key is chosen. The page is drawn anew then, and the new list has the focus. */
function oneOf(key, chosen, options, label) {
  const change = () => {
    store.set({ [key]: list.value });
    document.querySelector(`.choose-${key}`).focus({ preventScroll: true });
  };
  const list = el("select", { class: `choose-${key}`, "aria-label": label, on: { change } },
    options.map(([value, name]) => el("option", { value, selected: value === chosen }, name)));
  return list;
}

/** A link to a section. It is written among the reader's choices, so that an address leads there again. */
function way(id, t, { text, kind = null }) {
  const go = (event) => {
    event.preventDefault();
    if (store.get("at") === id) goTo(id);
    else store.set({ at: id }, { entry: true });
  };
  return el("a", { href: `#at=${id}`, class: kind, "data-at": id, on: { click: go } }, text);
}

/** Changes the level, and keeps what the reader looks at where it is. */
function choose(level) {
  const seen = [...document.querySelectorAll("main > section")].find((each) => each.getBoundingClientRect().bottom > innerHeight / 2);
  const before = seen?.getBoundingClientRect().top;
  store.set({ level }, { entry: true });
  document.querySelector(`.levels [data-level="${level}"]`).focus({ preventScroll: true });
  if (seen && scrollY > 0) scrollBy(0, document.getElementById(seen.id).getBoundingClientRect().top - before);
}

function goTo(id) {
  if (id === "world") scrollTo(0, 0);
  else document.getElementById(id).scrollIntoView();
  gone = { id, y: scrollY };
  marking();
  document.querySelector(`#${id} h2`).focus({ preventScroll: true });
}

/**
 * Marks the way to the section that lies a third down the screen; near the end of the page, where the last ones cannot
 * come up so far, lower and lower. Where a link has led, its own section counts until the page is scrolled.
 */
function markCurrent(nodes) {
  const links = [...document.querySelectorAll("nav a")];
  let marked = null;
  const mark = () => {
    const left = document.documentElement.scrollHeight - innerHeight - scrollY;
    const line = innerHeight - Math.min(Math.max(left, 0), (2 / 3) * innerHeight);
    const linked = gone && Math.abs(scrollY - gone.y) < 2 ? gone.id : null;
    const id = linked ?? nodes.findLast((each) => each.getBoundingClientRect().top <= line)?.id ?? nodes[0].id;
    if (!linked) gone = null;
    if (id === marked) return;
    marked = id;
    for (const link of links) {
      if (link.dataset.at === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const [nav, link] = [links[0].parentElement, links.find((each) => each.dataset.at === id)];
    nav.scrollTo({ left: link.offsetLeft - (nav.clientWidth - link.offsetWidth) / 2 });
  };
  const soon = perFrame(mark);
  const resized = new ResizeObserver(() => soon());
  resized.observe(document.querySelector("main"));
  addEventListener("scroll", soon, { passive: true });
  marking = soon;
  mark();
  return () => {
    soon.cancel();
    resized.disconnect();
    removeEventListener("scroll", soon);
  };
}

function foot(t) {
  return el("footer", { class: "muted" }, t("main.foot"));
}

/** Whoever feeds the page while a run trains hands over what is new, and which views show it; all if it names none. */
document.addEventListener("renew", ({ detail: { changes, views } }) => {
  data = { ...data, ...taken(changes) };
  const lasting = views && sectionsOf(makePage(data, store, (key) => key, {})).length === sections.length;
  if (lasting) views.filter((id) => sections.includes(id)).forEach(mount);
  else show()?.begin();
});

store.on(["lang", "theme", "level"], show);

/** Paper is light, whatever colours the screen has: drawings too, which have theirs from when they were drawn. */
function printInLight() {
  const wanted = store.get("theme");
  const dark = wanted === "dark" || (wanted !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  if (!dark) return;
  store.set({ theme: "light" }, { written: false });
  addEventListener("afterprint", () => store.set({ theme: wanted }, { written: false }), { once: true });
}

addEventListener("beforeprint", printInLight);
store.on(["at"], () => goTo(sections.includes(store.get("at")) ? store.get("at") : "world")); // also on the browser's way back
const playback = show();
if (sections.includes(store.get("at"))) goTo(store.get("at"));
else playback?.begin();

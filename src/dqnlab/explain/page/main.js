/** Puts the page together: a head, a way around, and a section for each view. */

import { unpack } from "./core/codec.js";
import { clear, el } from "./core/dom.js";
import { LANGUAGES, makeWords, num, preferred } from "./core/i18n.js";
import { makePage } from "./core/page.js";
import { interval } from "./core/score.js";
import { Store } from "./core/store.js";
import { mountCurve } from "./views/curve.js";
import { mountDecision } from "./views/decision.js";
import { mountHealth } from "./views/health.js";
import { mountInside } from "./views/inside.js";
import { mountMaps } from "./views/maps.js";
import { mountStep } from "./views/step.js";
import { mountWhatif } from "./views/whatif.js";
import { mountWorld } from "./views/world.js";
import { mountYou } from "./views/you.js";

export const VIEWS = {
  world: mountWorld, decision: mountDecision, whatif: mountWhatif, maps: mountMaps, inside: mountInside,
  step: mountStep, health: mountHealth, curve: mountCurve, you: mountYou,
};

/** How much is told: the story in plain words, or every number. Elements of one level only say so by their class. */
const LEVELS = ["story", "numbers"];

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const words = read("words");
const data = unpack(read("data"));
const store = new Store({ lang: preferred(), level: LEVELS[0], theme: "auto", at: "", ep: data.labels?.longest ?? 0, t: 0 });
let unmount = () => {};

function show() {
  unmount();
  const lang = Object.hasOwn(LANGUAGES, store.get("lang")) ? store.get("lang") : "en";
  const t = makeWords(words, lang);
  document.documentElement.lang = lang;
  const level = LEVELS.includes(store.get("level")) ? store.get("level") : LEVELS[0];
  Object.assign(document.documentElement.dataset, { theme: store.get("theme"), level });
  document.title = `${t(data.run.env)} – dqnlab`;
  const scope = store.scope();
  const page = makePage(data, scope, t, { lang, level });
  const sections = Object.keys(VIEWS).map((id) => section(id, t));
  clear(document.getElementById("page")).append(head(t, lang, level), summary(t), el("main", {}, sections), foot(t));
  const ends = Object.entries(VIEWS).map(([id, mount]) => mount(document.querySelector(`#${id} > .view`), page));
  unmount = () => {
    ends.forEach((end) => end?.());
    scope.close();
  };
}

function section(id, t) {
  return el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title`, tabindex: "-1" }, t(`${id}.title`)),
    el("p", { class: "lead" }, t(`${id}.lead`)),
    el("div", { class: "view" }));
}

function head(t, lang, level) {
  const languages = Object.entries(LANGUAGES).map(([code, name]) =>
    el("button", {
      type: "button", lang: code, "aria-pressed": String(code === lang), on: { click: () => store.set({ lang: code }) },
    }, name));
  const levels = LEVELS.map((each) => el("button", {
    type: "button", "data-level": each, "aria-pressed": String(each === level), on: { click: () => choose(each) },
  }, t(`main.${each}`)));
  const themes = ["auto", "light", "dark"].map((theme) =>
    el("option", { value: theme, selected: theme === store.get("theme") }, t(`main.${theme}`)));
  return el("header", {},
    el("div", { class: "row" },
      el("strong", { class: "brand" }, "dqnlab"),
      el("div", { class: "levels", role: "group", "aria-label": t("main.level") }, levels),
      el("div", { class: "languages", role: "group", "aria-label": t("main.language") }, languages),
      el("select", {
        "aria-label": t("main.theme"), on: { change: (event) => store.set({ theme: event.target.value }) },
      }, themes)),
    el("nav", { "aria-label": t("main.sections") }, Object.keys(VIEWS).map((id) => way(id, t))));
}

/** A link to a section. It is written among the reader's choices, so that an address leads there again. */
function way(id, t, text = t(`${id}.title`)) {
  const go = (event) => {
    event.preventDefault();
    store.set({ at: id });
    goTo(id);
  };
  return el("a", { href: `#at=${id}`, on: { click: go } }, text);
}

/** Changes the level, and keeps what the reader looks at where it is. */
function choose(level) {
  const section = [...document.querySelectorAll("main > section")].find((each) => each.getBoundingClientRect().bottom > innerHeight / 2);
  const before = section?.getBoundingClientRect().top;
  store.set({ level });
  document.querySelector(`.levels [data-level="${level}"]`).focus({ preventScroll: true });
  if (section && scrollY > 0) scrollBy(0, document.getElementById(section.id).getBoundingClientRect().top - before);
}

function goTo(id) {
  document.getElementById(id).scrollIntoView();
  document.querySelector(`#${id} h2`).focus({ preventScroll: true });
}

function summary(t) {
  const { run, threshold } = data;
  const score = run.score
    ? t("main.score", { mean: num(run.score.mean, 4), interval: interval(run.score, t), n: run.score.episodes })
    : t("main.no_score");
  const verdict = { true: "main.solved", false: "main.unsolved" }[run.solved];
  const health = data.findings?.[0];
  return el("div", { class: "summary" },
    el("h1", {}, data.run.env),
    el("p", {}, `${score} `, verdict ? t(verdict, { threshold: num(threshold, 4) }) : ""),
    data.stands_in ? el("p", {}, t("main.stands_in")) : null,
    health ? el("p", {}, way("health", t), ": ", t(`health.kind.${health.kind}.name`)) : null,
    el("p", { class: "muted" }, run.imported ? t("main.imported", { what: run.imported, seed: run.seed, name: run.name })
      : t("main.made", {
        preset: run.preset, seed: run.seed, steps: run.env_steps.toLocaleString("en"),
        updates: run.updates.toLocaleString("en"), name: run.name,
      })));
}

function foot(t) {
  return el("footer", { class: "muted" }, t("main.foot"));
}

store.on(["lang", "theme", "level"], show);
show();
if (Object.hasOwn(VIEWS, store.get("at"))) goTo(store.get("at"));

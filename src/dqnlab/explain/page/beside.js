/** The page of two runs: what differs, both playing the same episodes in step, their scores and curves. */

import { showFigures } from "./beside/figures.js";
import { mountPlay } from "./beside/play.js";
import { badge, sideClass } from "./beside/sides.js";
import { inflated, unpack } from "./core/codec.js";
import { clear, el } from "./core/dom.js";
import { LANGUAGES, makeWords, num, preferred } from "./core/i18n.js";
import { interval } from "./core/score.js";
import { Store } from "./core/store.js";

const MOST_CHIPS = 8; // settings that are named at once

const read = (id) => document.getElementById(id).textContent;

const words = inflated(read("words"));
const data = unpack(JSON.parse(read("data")));
const store = new Store({ lang: preferred(), theme: "auto", ep: data.labels.one ?? data.labels.other ?? 0, t: 0 });
let unmount = () => {};

function show() {
  unmount();
  const lang = Object.hasOwn(LANGUAGES, store.get("lang")) ? store.get("lang") : "en";
  const t = makeWords(words, lang);
  document.documentElement.lang = lang;
  document.documentElement.dataset.theme = store.get("theme");
  document.title = `${data.runs.map((run) => run.called).join(" | ")} – dqnlab`;
  const scope = store.scope();
  const page = { data, store: scope, t, num, lang };
  const [play, figures] = [el("section", { id: "play" }), el("section", { id: "figures" })];
  clear(document.getElementById("page")).append(
    head(t, lang), summary(page), el("main", {}, play, figures), el("footer", { class: "muted" }, t("main.foot")));
  const end = mountPlay(play, page, data.runs.map((run, side) => card(page, run, side)));
  showFigures(figures, page);
  unmount = () => {
    end();
    scope.close();
  };
}

function head(t, lang) {
  const oneOf = (key, chosen, options, label) => {
    const list = el("select", { class: `choose-${key}`, "aria-label": label, on: { change: () => store.set({ [key]: list.value }) } },
      options.map(([value, name]) => el("option", { value, selected: value === chosen }, name)));
    return list;
  };
  const themes = ["auto", "light", "dark"].map((theme) => [theme, t(`main.${theme}`)]);
  return el("header", {},
    el("strong", { class: "brand" }, "dqnlab"),
    el("div", { class: "choices" },
      oneOf("lang", lang, Object.entries(LANGUAGES), t("main.language")),
      oneOf("theme", store.get("theme"), themes, t("main.theme"))));
}

function summary(page) {
  const { t } = page;
  return el("div", { class: "summary" },
    el("h1", {}, `${data.env}: ${t("beside.title")}`),
    el("p", { class: "muted" }, t("beside.lead")),
    fork(page),
    settings(page));
}

function fork({ t }) {
  if (!data.fork) return null;
  const { step, branch } = data.fork;
  const said = { step: step.toLocaleString("en"), branch: branch === null ? "" : data.runs[branch].called };
  return el("p", {}, t(branch === null ? "beside.fork_both" : "beside.fork", said));
}

/** The settings that differ, the first ones as chips, all others behind a click. */
function settings({ t }) {
  const rows = data.differing;
  if (!rows.length) return el("p", { class: "muted" }, t("beside.alike"));
  const chips = rows.map(([name, ...values]) => el("span", { class: "beside-chip" },
    el("span", { class: "muted" }, name), values.map((value, side) =>
      el("span", { class: `beside-value ${sideClass(side)}` }, badge(side), el("span", { class: "number" }, value)))));
  const more = chips.slice(MOST_CHIPS);
  return el("div", { class: "beside-settings", role: "group", "aria-label": t("beside.settings") },
    chips.slice(0, MOST_CHIPS),
    more.length ? el("details", {}, el("summary", {}, t("beside.more", { n: more.length })), more) : null);
}

/** What is to be known of a run before it plays. */
function card({ t }, run, side) {
  const { score } = run;
  const verdict = { true: ["beside.solved", "good"], false: ["beside.unsolved", "bad"] }[run.solved];
  const made = run.imported ? t("beside.brought", { what: run.imported })
    : t("beside.made", { preset: run.preset, seed: run.seed, steps: run.env_steps.toLocaleString("en") });
  return el("div", { class: "beside-head" },
    el("h2", {}, badge(side), " ", run.called),
    el("p", { class: "muted" }, made, run.page ? [" · ", el("a", { href: run.page }, t("beside.page"))] : null),
    el("div", { class: "beside-score" },
      el("strong", {}, score ? num(score.mean, 4) : "–"),
      verdict ? el("span", { class: `beside-tag ${verdict[1]}` }, t(verdict[0])) : null,
      run.finding ? el("span", { class: `beside-tag ${run.finding.severity}` }, t(`health.kind.${run.finding.kind}.name`)) : null),
    el("p", { class: "muted" }, score
      ? t("beside.score", { interval: interval(score, t), n: score.episodes }) : t("beside.no_score")));
}

store.on(["lang", "theme"], show);
show();

/** A group while it trains: the curve of every seed, and what can be asked of all of them. */

import { lineChart } from "../core/charts.js";
import { clear, el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { about, counted, fill, hear, inEachLanguage, turn, wordsNow } from "./kit.js";
import { controls, isAlive, makeOrders } from "./orders.js";

const COLOURS = 6;
const seeds = new Map(); // of each by its id {name, colour, state, evaluations}, in the order of the group
const now = { lost: false, turns: [], begun: 0 };
const orders = makeOrders(() => new Map([...seeds].map(([id, { state }]) => [id, state])), () => show());
let due = null;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function show() {
  const t = wordsNow();
  document.title = `${about.name} – dqnlab live`;
  const all = [...seeds.values()];
  const live = all.filter(({ state }) => isAlive(state));
  const paused = live.length > 0 && live.every(({ state }) => state.status === "paused");
  const turned = now.turns.map((each) => `${each.name}: ${turn(t, each)}`);
  const words = [now.lost ? t("live.lost") : "", ...turned, ...orders.said(t)];
  fill("live-said", words.filter(Boolean).map((text) => el("p", {}, text)));
  fill("live-orders", [
    el("a", { href: "../../" }, t("live.all")), live.length ? controls(t, { paused, order: orders.order }) : null]);
  const drawn = all.filter(({ evaluations }) => evaluations.length > 1);
  const chart = drawn.length === 0 ? el("p", { class: "muted" }, t("live.no_curve")) : lineChart({
    series: drawn.map(({ name, colour, evaluations }) => ({
      name, class: `own-${colour}`, x: evaluations.map(({ step }) => step), y: evaluations.map(({ returns }) => mean(returns)),
    })),
    xLabel: t("live.axis_steps"), yLabel: t("live.axis_return"), label: t("live.each_seed"), width: 900, height: 320, xLow: 0,
  });
  clear(document.getElementById("page")).append(
    el("h1", {}, t("live.group", { name: about.name })),
    el("p", { class: "lead" }, t("live.each_seed")),
    el("div", { class: "card" }, chart),
    el("div", { class: "card scroll" }, table(t)));
}

function table(t) {
  const columns = ["seed", "status", "env_steps", "evaluated", "verdict"];
  return el("table", {},
    el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, t(`live.${name}`))))),
    el("tbody", {}, [...seeds].map(([id, seed]) => row(t, id, seed))));
}

function row(t, id, { name, colour, state, evaluations }) {
  const last = evaluations.at(-1);
  return el("tr", {},
    el("td", {}, el("a", { href: `../${id}/`, class: `seed-${colour}` }, name)),
    el("td", {}, state ? el("strong", { class: `dot ${state.status}` }, t(`live.${state.status}`)) : "–"),
    el("td", { class: "number" }, state ? counted(state.step) : "–"),
    el("td", { class: "number" }, last ? num(mean(last.returns), 4) : "–"),
    el("td", {}, state?.verdict ? el("span", { class: state.verdict.severity }, t(`health.kind.${state.verdict.kind}.name`)) : "–"));
}

/** Takes the seeds that there are by now; one keeps its colour, however many begin before it. */
function take(found) {
  const before = new Map(seeds);
  seeds.clear();
  for (const [id, name] of found) {
    seeds.set(id, before.get(id) ?? { name, colour: now.begun++ % COLOURS, state: null, evaluations: [] });
  }
  orders.look();
  showSoon();
}

/** Draws what is new, a moment later with all that comes until then. */
function showSoon() {
  due ??= setTimeout(() => {
    due = null;
    show();
  }, 500);
}

document.getElementById("live").append(
  el("div", { id: "live-said", role: "status" }), el("div", { class: "row", id: "live-orders" }));
inEachLanguage(show);
hear("news", {
  seeds: take,
  seed: ({ id, kind, news }) => {
    const seed = seeds.get(id);
    if (!seed) return;
    if (kind === "state") {
      seed.state = news;
      orders.look();
    } else if (kind === "curve") seed.evaluations = news.evaluations;
    else if (kind === "turn") now.turns = [...now.turns.slice(-2), { name: seed.name, ...news }];
    showSoon();
  },
}, (lost) => { now.lost = lost; showSoon(); });

/** One run while it trains: the report's own page, fed with what is new, and a bar that says how it stands. */

import { lineChart } from "../core/charts.js";
import { clear, el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { about, counted, fill, hear, inEachLanguage, turn, wordsNow } from "./kit.js";
import { controls, isAlive, makeOrders } from "./orders.js";

const VIEWS = ["curve", "health"]; // of the report: what they show grows with the metrics
const RENEW = 8; // times as long as a drawing of them took, after which the next is made
const RENEW_LEAST = 300; // milliseconds
const PAINT = 3; // times as long as a picture took, after which the next is asked for
const PAINT_LEAST = 500; // milliseconds

const now = { state: null, curve: null, network: { steps: [], newest: null }, lost: false, turn: null, error: "" };
const shown = { step: undefined, asked: false, loaded: false, due: null, next: 0, free: 0 };
const orders = makeOrders(() => new Map([["run", now.state]]), () => bar());
let chosen = null; // the env step whose network is to be shown; null for the newest

// ── The bar ──

function bar() {
  const t = wordsNow();
  const { state } = now;
  const line = state === null ? [] : [
    el("strong", { class: `dot ${state.status}` }, t(`live.${state.status}`)),
    el("span", { class: "number" }, t("live.steps", { steps: counted(state.step) })),
    el("span", { class: "number numbers-only" }, t("live.updates", { updates: counted(state.updates) })),
    el("span", { class: "number numbers-only" }, t("live.episodes", { episodes: counted(state.episodes) })),
    state.epsilon === null ? null : el("span", { class: "number numbers-only" }, t("live.epsilon", { epsilon: num(state.epsilon) })),
    state.status !== "running" || !state.steps_per_second ? null
      : el("span", { class: "number" }, t("live.pace", { pace: counted(state.steps_per_second) })),
    state.verdict ? el("button", {
      type: "button", class: `verdict ${state.verdict.severity}`, on: { click: () => document.getElementById("health")?.scrollIntoView() },
    }, t(`health.kind.${state.verdict.kind}.name`)) : null,
    state.damaged ? el("span", { class: "warn" }, t("live.skipped", { lines: state.damaged })) : null,
    state.error ? el("span", { class: "warn" }, state.error) : null,
  ];
  fill("live-line", [el("a", { href: "../../" }, t("live.all")), ...line]);
  fill("live-orders", isAlive(state) ? [controls(t, { paused: state.status === "paused", order: orders.order })] : []);
  fill("live-networks", networks(t));
  const words = [now.lost ? t("live.lost") : "", ...orders.said(t), now.error].filter(Boolean).map((text) => el("p", {}, text));
  const away = () => { now.turn = null; bar(); };
  const turned = now.turn && el("p", { class: now.turn.severity }, turn(t, now.turn), " ",
    el("button", { type: "button", class: "away", "aria-label": t("live.away"), on: { click: away } }, "×"));
  fill("live-said", turned ? [turned, ...words] : words);
}

function networks(t) {
  const { steps, newest } = now.network;
  if (!steps.length) return [];
  const at = chosen === null ? steps.length : Math.max(steps.indexOf(chosen), 0);
  const text = shown.step === undefined ? "" : shown.step === null ? t("live.best") : t("live.network_of", { steps: counted(shown.step) });
  const slider = el("input", {
    type: "range", min: 0, max: steps.length, value: at, "aria-label": t("live.networks"), id: "live-slider",
    on: { input: (event) => choose(steps[Number(event.target.value)] ?? null) },
  });
  return [
    slider,
    el("span", { class: "number" }, text),
    el("button", { type: "button", "aria-pressed": String(chosen === null), on: { click: () => choose(null) } },
      newest === null ? t("live.best") : t("live.newest")),
    shown.asked ? el("span", { class: "muted" }, t("live.painting")) : null,
  ];
}

function choose(step) {
  chosen = step;
  shown.free = 0;
  paint();
}

// ── The report ──

/** What every renewal carries: what grows with the metrics. */
function grown() {
  const { curve } = now;
  return curve === null ? {} : {
    series: curve.series, evaluations: curve.evaluations, confirms: curve.confirms, findings: curve.findings,
  };
}

function renew(changes, views) {
  document.dispatchEvent(new CustomEvent("renew", { detail: { changes, views } }));
}

/** Draws what has grown, now or a moment later; not what somebody is typing into. */
function renewSoon() {
  if (!shown.loaded) {
    waiting();
    return;
  }
  if (shown.due !== null) return;
  shown.due = setTimeout(() => {
    shown.due = null;
    const began = performance.now();
    const busy = document.activeElement?.closest?.("main > section")?.id;
    renew(grown(), VIEWS.filter((id) => id !== busy));
    const ended = performance.now();
    shown.next = ended + Math.max(RENEW_LEAST, RENEW * (ended - began));
  }, Math.max(0, shown.next - performance.now()));
}

/** Before there is any network: the curve alone. */
function waiting() {
  const t = wordsNow();
  const found = now.curve?.evaluations ?? [];
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const why = now.state?.status === "removed" ? t("live.removed") : now.error || t("live.waiting");
  const few = found.length ? t("live.one_evaluation", { step: counted(found[0].step), mean: num(mean(found[0].returns)) }) : t("live.no_curve");
  const chart = found.length < 2 ? el("p", { class: "muted" }, few) : lineChart({
    series: [{ name: t("live.evaluated"), x: found.map(({ step }) => step), y: found.map(({ returns }) => mean(returns)) }],
    xLabel: t("live.axis_steps"), yLabel: t("live.axis_return"), label: t("live.evaluated"), width: 900, height: 240,
  });
  clear(document.getElementById("page")).append(
    el("h1", {}, about.name), el("p", { class: "muted" }, why), el("div", { class: "card" }, chart));
}

/** Asks for the network that is to be shown, if another one is; one picture at a time. */
async function paint() {
  if (now.state?.status === "removed") return;
  const { newest, steps, mark } = now.network;
  const wanted = chosen ?? newest;
  if (shown.asked || (shown.loaded && chosen === null && mark === shown.mark) || (chosen !== null && shown.step === chosen)) return;
  if (chosen === null && performance.now() < shown.free) {
    setTimeout(paint, shown.free - performance.now() + 10);
    return;
  }
  if (chosen !== null && !steps.includes(chosen)) return;
  shown.asked = true;
  bar();
  const began = performance.now();
  try {
    const answer = await fetch(chosen === null ? "picture" : `picture?step=${wanted}`);
    const data = await answer.json();
    now.error = answer.ok ? "" : data.error;
    if (answer.ok) show(data, mark);
    else if (!shown.loaded) waiting();
  } catch (error) {
    now.error = String(error.message);
  }
  shown.asked = false;
  shown.free = performance.now() + Math.max(PAINT_LEAST, PAINT * (performance.now() - began));
  bar();
  const again = chosen === null ? now.network.mark !== shown.mark : shown.step !== chosen;
  if (chosen !== null && chosen !== wanted) paint(); // another one was chosen meanwhile
  else if (again) setTimeout(paint, shown.free - performance.now() + 10);
}

function show(data, mark) {
  shown.step = data.live.step;
  shown.mark = mark;
  const { state } = now;
  const run = state && data.run.env_steps === 0 ? { ...data.run, env_steps: state.step, updates: state.updates } : data.run;
  const whole = { ...data, run };
  if (shown.loaded) {
    const top = scrollY;
    renew({ ...whole, ...grown() });
    scrollTo(0, top);
    return;
  }
  shown.loaded = true;
  document.getElementById("data").textContent = JSON.stringify({ ...whole, ...grown() });
  const script = el("script", { src: "../../static/report.js" });
  document.body.append(script);
}

// ── What comes in ──

document.getElementById("live").append(
  el("div", { id: "live-said", role: "status" }),
  el("div", { class: "row" }, el("div", { class: "row", id: "live-line" }), el("div", { id: "live-orders" })),
  el("div", { class: "row", id: "live-networks" }));
new ResizeObserver(([{ target }]) => { // the report's own bar stands above this one
    document.documentElement.style.setProperty("--live-height", `${target.offsetHeight}px`);
  }).observe(document.getElementById("live"));
inEachLanguage(() => {
  bar();
  if (!shown.loaded) waiting();
});
hear("news", {
  state: (state) => {
    const turned = state.status !== now.state?.status;
    now.state = state;
    orders.look();
    bar();
    if (turned && !shown.loaded) waiting();
  },
  curve: (curve) => { now.curve = curve; renewSoon(); },
  network: (network) => { now.network = network; bar(); paint(); },
  turn: (found) => { now.turn = found; bar(); },
}, (lost) => { now.lost = lost; bar(); });

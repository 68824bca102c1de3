/** What if: sliders on every input; the network answers at once, and the physics goes on where it is let go. */

import { extremes, lineChart } from "../core/charts.js";
import { clear, el, perFrame } from "../core/dom.js";
import { actionClass, leftOut, listed, unlisted, whyClosed } from "../core/naming.js";
import { placeIn } from "../core/page.js";
import { rate } from "../net/features.js";
import { along, asked, changed, draggable, familiar, parse, unfamiliar, verdict, written } from "./question.js";
import { makeStage } from "../world/stage.js";
import { systemOf } from "../world/systems.js";
import { makeLetGo } from "./letgo.js";
import { scaleOf } from "../world/scale.js";
import { digitsFor, ratings } from "./ratings.js";
import { byWeight } from "./weighing.js";

const DEAR = 12; // milliseconds for a curve; one that takes longer waits
const FIRST = 8; // inputs that are shown at once, those that matter most
const QUIET = 150; // milliseconds without a new question

export function mountWhatif(root, page) {
  const { data, store, t } = page;
  const names = ["best", "online", "target"].filter((name) => page.networks[name]);
  const inputs = draggable(data);
  const why = lacking(page, names, inputs);
  if (why) {
    root.append(el("p", { class: "said closed" }, t(why, { why: whyClosed(page) })));
    return undefined;
  }
  store.declare("whatif.x", "");
  store.declare("whatif.net", names[0]);
  const question = makeQuestion(page, inputs, names);
  const order = byWeight(page, question.network(), inputs); // those that matter most come first
  store.declare("whatif.i", order[0]);
  let following = null;
  let asking = question.now(); // what is on the screen: the question, or where it went once it was let go
  const sliders = makeSliders(page, inputs, order, question, () => {
    if (question.dragged() !== null) question.reset();
    else letGo.forget(false);
    soon();
  });
  const answer = makeAnswer(page, question);
  const letGo = makeLetGo(page, question, (moment) => {
    asking = moment;
    sliders.show(moment);
    answer.show(moment);
    following ??= setTimeout(() => { // not at every picture of the film
      following = null;
      later.ask();
    }, QUIET);
  });
  const chart = el("div", { class: "whatif-curve" });
  const beside = question.system !== null || inputs.length <= FIRST; // where there is room
  root.append(
    el("div", { class: "columns whatif-parts" },
      el("div", { class: "card" }, answer.node, letGo.node, beside ? null : chart),
      el("div", { class: "card" }, sliders.node, beside ? chart : null)));

  let cost = 0; // milliseconds that the last curve took: a large network must not hold up a film
  const later = makeSoon(() => {
    const before = performance.now();
    clear(chart).append(curve(page, question, inputs, asking, chart.clientWidth || 480));
    cost = performance.now() - before;
  }, () => (cost > DEAR ? QUIET : 0));
  const show = () => {
    asking = question.now();
    sliders.show(asking);
    answer.show(asking);
    later.ask();
  };
  const soon = perFrame(show);
  store.on(["whatif.x", "whatif.net", "whatif.i"], (keys) => {
    letGo.forget(keys.includes("whatif.x")); // what another network did from the same state stays, to compare
    soon();
  });
  store.on(["ep", "t"], () => {
    if (letGo.running()) return; // a film that plays above must not end what was let go below
    if (question.dragged() === null) letGo.forget(true);
    soon();
  });
  show();
  return () => { soon.cancel(); letGo.stop(); clearTimeout(following); later.end(); };
}

/** The word that says why there is nothing to ask here, or null. */
function lacking(page, names, inputs) {
  if (names.length === 0) return "whatif.no_network";
  if (inputs.length === 0) return "whatif.no_inputs";
  if (!page.moment()) return "whatif.no_moment";
  return page.moment().obs ? null : "decision.not_kept";
}

/** The question as it stands: {system, names, dragged(), drag(i, value), reset(), network(), qOf(obs), strange(values), now()}. */
function makeQuestion(page, inputs, names) {
  const { data, store } = page;
  const system = systemOf(data.world);
  const chosen = () => (names.includes(store.get("whatif.net")) ? store.get("whatif.net") : names[0]);
  const dragged = () => parse(store.get("whatif.x"), inputs);
  const qOf = (obs) => rate(page.networks[chosen()], data.obs, obs);
  const recorded = (moment) => agreed(moment.q[chosen()], qOf(moment.obs));
  const valuesOf = (obs) => inputs.map(({ place }) => obs[place]);
  let known = null;
  return {
    system, names, chosen, dragged, qOf, valuesOf,
    network: () => page.networks[chosen()],
    drag(i, value) {
      const values = changed(dragged() ?? valuesOf(page.moment().obs), i, value, system);
      store.set({ "whatif.x": written(values), "whatif.i": i });
    },
    reset: () => store.set({ "whatif.x": "" }),
    /** Whether an input lies where it never was in a recorded episode. */
    strange(values) {
      known ??= inputs.map((input) => familiar(data.episodes, input));
      return known.some((was, i) => !was(values[i]));
    },
    /** {obs, values, state, q, recorded}: `state` is the physics' own, or null without physics. */
    now() {
      const moment = page.moment();
      const values = dragged();
      const obs = values ? asked(moment.obs, inputs, values) : moment.obs;
      const exact = values ? null : moment.state;
      const state = system ? (exact ?? system.fromObs(obs.slice(-inputs.length))) : null;
      const q = values ? qOf(obs) : recorded(moment);
      return { obs, values: values ?? valuesOf(obs), state, q, recorded: values === null };
    },
  };
}

/** The recorded values, which other sections show to the last digit; those computed here where not all were kept. */
function agreed(kept, computed) {
  return kept?.every((value, a) => Number.isFinite(value) === Number.isFinite(computed[a])) ? kept : computed;
}

function makeSliders(page, inputs, order, question, back) {
  const { t, num } = page;
  const start = page.data.obs.start ?? 0; // states are counted from 0, and shown by the environment's own numbers
  const rows = inputs.map(({ name, unit, low, high, step }, i) => {
    const output = el("output", { class: "number" });
    const range = el("input", {
      type: "range", min: low, max: high, step, "aria-label": t(name), "data-input": i,
      on: { input: (event) => question.drag(i, Number(event.target.value)) },
    });
    const node = el("label", {}, el("span", { class: "whatif-name" }, el("span", {}, t(name)), output), range);
    return { node, range, output, unit };
  });
  const nodes = order.map((i) => rows[i].node);
  const more = nodes.length - FIRST;
  const reset = el("button", { type: "button", on: { click: back } }, t("whatif.reset"));
  return {
    node: el("div", {},
      inputs.length > 1 ? el("p", { class: "muted whatif-order" }, t("whatif.order")) : null,
      el("div", { class: "whatif-sliders" }, nodes.slice(0, FIRST)),
      more > 0 ? el("details", {}, el("summary", {}, t("whatif.more", { n: more })),
        el("div", { class: "whatif-sliders" }, nodes.slice(FIRST))) : null,
      page.data.obs.stack > 1 ? el("p", { class: "muted numbers-only" }, t("whatif.stack", { n: page.data.obs.stack })) : null,
      question.system?.settle ? el("p", { class: "muted numbers-only" }, t("whatif.pairs")) : null,
      el("div", { class: "row" }, reset)),
    show({ values, recorded = false }) {
      rows.forEach(({ range, output, unit }, i) => {
        const text = `${num(values[i] + start)}${unit ? ` ${unit}` : ""}`;
        range.value = String(values[i]);
        range.setAttribute("aria-valuetext", text);
        output.textContent = text;
      });
      reset.disabled = recorded;
    },
  };
}

/** The drawing, the values of every action and the choice in words: {node, show({obs, values, state, q, ended, recorded})}. */
function makeAnswer(page, question) {
  const { data, t, num } = page;
  const stage = makeStage(data.world);
  const said = el("p", { class: "said whatif-said" });
  const values = el("div", { class: "whatif-values" });
  const { names } = question;
  const choice = el("select", { on: { change: (event) => page.store.set({ "whatif.net": event.target.value }) } },
    names.map((name) => el("option", { value: name }, t(`whatif.${name}`))));
  return {
    node: el("div", {},
      stage.node,
      el("label", { class: "row whatif-choice numbers-only" }, el("span", {}, t("whatif.network")), choice),
      values, leftOut(page).map((text) => el("p", { class: "muted" }, text)), said),
    show({ obs, values: inputs, state, q, ended = null, recorded = false }) {
      const { best, second, gap } = verdict(q);
      choice.value = question.chosen();
      const alone = q.length === 1 ? "whatif.only" : "decision.only";
      const key = ended ? "whatif.over" : gap === 0 ? "whatif.tie" : second === null ? alone : "whatif.chosen";
      const text = t(key, {
        action: t(data.actions[best]), second: second === null ? "" : t(data.actions[second]), gap: num(gap),
      });
      stage.show(state ?? obs, { action: ended ? null : best, label: text, terrain: page.episode().terrain }); // as said
      const all = listed([q]);
      const rest = unlisted(page, all, q.length);
      const items = all.map((a) => ({
        label: t(data.actions[a]), value: q[a], class: actionClass(a), said: q[a] === -Infinity ? t("decision.forbidden") : null,
      }));
      clear(values).append(ratings(items, { scale: scaleOf(page.episode()), digits: page.level === "story" ? 3 : digitsFor(q, gap), t }));
      if (rest !== null) values.append(el("p", { class: "muted" }, rest));
      const guess = !ended && !recorded && question.strange(inputs);
      said.textContent = guess ? [text, t("whatif.unseen")].join(page.lang === "en" ? " " : "") : text;
    },
  };
}

/** The values of every action along the input that was dragged last; where it never was in the recorded episodes they are a guess. */
function curve(page, question, inputs, { obs, values }, width) {
  const { data, t } = page;
  const i = placeIn(page.store.get("whatif.i"), inputs.length);
  const start = data.obs.start ?? 0;
  const input = reaching(inputs[i], values[i]);
  const { x, y } = along(i, {
    network: question.network(), obsSpec: data.obs, obs, inputs: inputs.with(i, input), values, system: question.system,
  });
  const guesses = guessed(unfamiliar(data.episodes, input), start, y);
  const shown = x.map((value) => value + start);
  const actions = listed([y.map((line) => Math.max(...line))]).filter((a) => y[a][0] !== -Infinity);
  const series = actions.map((a) => ({ name: t(data.actions[a]), x: shown, y: y[a], class: actionClass(a), apart: input.apart }));
  const room = input.apart ? 0.5 : 0; // a band around each point
  const label = t(inputs.length === 1 ? "whatif.along_all" : "whatif.along", { input: t(inputs[i].name) });
  return el("div", {},
    el("p", { class: "muted" }, label),
    guesses.length ? el("p", { class: "muted whatif-guess" }, t("whatif.guess")) : null,
    el("p", { class: "row" }, series.map(({ name, class: kind }) => el("span", { class: `whatif-key ${kind}` }, name))),
    lineChart({
      series, label, width, height: 200, xLabel: inputs[i].unit, yLabel: "Q", marks: [{ x: values[i] + start, text: t("whatif.here"), class: "here" }],
      xLow: input.low + start - room, xHigh: input.high + start + room, bands: guesses,
      onPick: (value) => question.drag(i, nearestOn(inputs[i], value - start)),
    }));
}

/** An input whose range holds a value that dragging does not reach, but letting go may. */
const reaching = (input, value) => ({ ...input, low: Math.min(input.low, value), high: Math.max(input.high, value) });

/** Bands over parts of an input's range, across all values `y` [A][P]. */
function guessed(parts, start, y) {
  const [least, most] = extremes(y.flatMap((line) => extremes(line)));
  return parts.map((ends) => ({ x: ends.map((value) => value + start), low: [least, least], high: [most, most], class: "guess" }));
}

function nearestOn({ low, high, whole }, value) {
  const inside = Math.min(Math.max(value, low), high);
  return whole ? Math.round(inside) : inside;
}

/** Draws once, at the next picture, but where `delay` says so only so many milliseconds after the last question. */
function makeSoon(draw, delay) {
  const next = perFrame(draw);
  let timer = null;
  return {
    ask() {
      clearTimeout(timer);
      if (delay() > 0) timer = setTimeout(next, delay());
      else next();
    },
    end() {
      clearTimeout(timer);
      next.cancel();
    },
  };
}

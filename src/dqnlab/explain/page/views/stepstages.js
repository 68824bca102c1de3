/** The nine stages of an update. Each draws its numbers; `explained(value, formula)` is a number that tells its formula. */

import { el } from "../core/dom.js";
import { actionName, listed, unlisted } from "../core/naming.js";
import { lossParts, softLines, targetParts } from "./stephead.js";
import { argmax } from "../net/network.js";
import { lastSum } from "./stepmath.js";
import { returnLines } from "./stepsources.js";
import { termLines } from "./stepterm.js";
import { isRecorded } from "./stops.js";

/** A line: words, then numbers. */
const line = (name, ...parts) => el("div", { class: "step-line" },
  el("span", { class: "muted" }, name), el("span", {}, ...parts));

const lines = (...all) => el("div", { class: "step-lines" }, ...all);

/** A factor as a formula shows it: negative ones in brackets. */
function factor(num, x) {
  const text = num(x, 6);
  return text.startsWith("-") ? `(${text})` : text;
}

/** Q as the sum that the last layer computed, filled in. */
function sumText({ t, num }, values, action) {
  const sum = values.network && lastSum(values, action);
  if (!sum) return t("step.f_network", { value: num(values.q[action], 6) });
  const parts = sum.parts.map(([w, x]) => `${factor(num, w)} × ${factor(num, x)}`);
  if (sum.left > 0) parts.push(t("step.f_rest", { left: sum.left, rest: num(sum.rest, 6) }));
  return `Q = ${[...parts, factor(num, sum.bias)].join(" + ")} = ${num(values.q[action], 6)}`;
}

/** One line for each action's value, of many actions for the best and those in `always`. */
function qLines({ page, explained }, values, key, marked, always = []) {
  const { q } = values;
  const shown = listed([q], always);
  const rest = unlisted(page, shown, q.length);
  return [...shown.map((a) => line(
    `Q(${actionName(page, a)})`,
    q[a] === -Infinity ? page.t("step.forbidden") : explained(q[a], sumText(page, values, a), `${key}-${a}`), marked(a))),
  ...(rest === null ? [] : [el("p", { class: "muted" }, rest)])];
}

function choose({ page, step, state, explained }) {
  const { t } = page;
  const { rows, epsilon } = step.moment;
  const values = step.rated(state.chosen);
  const [best, taken] = [argmax(values.q), rows.action.data[state.chosen]];
  const mark = (a) => [a === best ? ` ${t("step.best")}` : "", a === taken ? ` ${t("step.taken")}` : ""].join("");
  return lines(...qLines({ page, state, explained }, values, "q", mark, [best, taken]),
    epsilon === 0 && (step.settings.noisy || step.settings.temperature !== null) ? "" : line("ε", explained(epsilon, t("step.f_epsilon", { epsilon: page.num(epsilon, 6) }), "epsilon")),
    el("p", { class: "muted" }, t(isRecorded(step.moment, state.chosen) ? "step.was_recorded" : best === taken ? "step.was_greedy" : "step.was_not_greedy")));
}

function store({ page, step, state: { chosen }, explained }) {
  const { t, num } = page;
  const { settings, size, sequences, returns, rows } = step.moment;
  const [own, plain] = [!isRecorded(step.moment, chosen), !sequences && !returns];
  const [slot, reward, discount, span] = ["slot", "reward", "discount", "span"].map((name) => rows[name].data[chosen]);
  return lines(
    plain && own ? line(t("step.col_slot"), explained(slot, t("step.f_slot", { slot, capacity: settings.capacity }), "slot")) : "",
    !own ? "" : line(t("step.size"), explained(size, plain ? t("step.f_size", { size, capacity: settings.capacity }) : t("step.f_recorded"), "size")),
    line(t("step.col_action"), actionName(page, rows.action.data[chosen])),
    line(rewardName(page, span), explained(reward, rewardText(page, span), "reward")),
    line(t("step.discount"), explained(discount,
      discount === 0 ? t("step.f_terminal") : powerText(page, settings.gamma, span), "discount")));
}

function powerText({ num }, gamma, k) {
  return `γ^${k} = ${num(gamma, 6)}^${k} = ${num(gamma ** k, 6)}`;
}

/** A reward, or the sum of several. */
const rewardName = ({ t }, k) => (k === 1 ? t("step.col_reward") : t("step.sum_of", { k }));

function rewardText({ t }, n) {
  return t(n === 1 ? "step.f_reward" : "step.f_reward_n", { n });
}

const WEIGHTS = { uniform: "step.f_weight_uniform", "by error": "step.f_weight" };
const RULES = { online: "step.rule_double", target: "step.rule_greedy" };

function prediction({ page, step, state, explained }) {
  const { rows } = step.moment;
  const taken = rows.action.data[state.chosen];
  const mark = (a) => (a === taken ? ` ${page.t("step.taken")}` : "");
  return lines(
    line(page.t("step.col_row"), String(state.chosen)),
    line(page.t("step.weight"), explained(rows.weight.data[state.chosen],
      page.t(WEIGHTS[step.settings.chance] ?? "step.f_recorded"), "weight")),
    ...qLines({ page, explained }, step.prediction(state.chosen), "q", mark, [taken]));
}

function target(context) {
  const { page, step, state, explained } = context;
  const { t, num } = page;
  const { now, chosen } = state;
  if (now === null) return el("p", { class: "warn" }, t("step.unknown_row", { n: state.switches.n }));
  if (step.moment.returns) return lines(...returnLines(context));
  const { gamma, reward_clip: clip } = step.settings;
  const recorded = step.moment.rows.target.data[chosen];
  const powers = now.terms.map((r, k) => (k ? `${num(gamma, 6)}^${k} × ${factor(num, r)}` : num(r, 6))).join(" + ");
  const why = now.ends ? t("step.f_as_terminal")
    : now.discount === 0 ? t("step.f_terminal") : powerText(page, gamma, now.k);
  const adds = step.moment.rows.added.data.some((each) => each !== 0);
  const soft = step.settings.soft && softLines(context);
  return lines(
    el("p", { class: "muted" }, t(`step.end_${now.end}_said`)),
    soft ? soft.before : chosenAction(context),
    line(rewardName(page, now.k), explained(now.reward, `${powers} = ${num(now.reward, 6)}`, "reward")),
    clip === null ? "" : el("p", { class: "muted" }, t("step.clipped", { clip: num(clip, 6) })),
    adds ? el("p", { class: "muted" }, t("step.rule_adds")) : "",
    adds ? line(t("step.added"), explained(now.added, soft ? soft.added : t("step.f_recorded"), "added")) : "",
    line(t("step.discount"), explained(now.discount, why, "discount")),
    step.known ? "" : line(t(soft ? "step.soft_value" : "step.next_value"), explained(now.value, soft ? soft.value : t("step.f_recorded"), "next")),
    line(t("step.col_target"), explained(now.target, targetText(page, step, now, adds), "value"), state.same ? "" : ` ${t("step.with_switches")}`),
    targetParts(context),
    state.same ? "" : line(t("step.as_run"), explained(recorded, t("step.f_recorded"), "recorded")));
}

/** What both networks say of what follows, and who chooses. */
function chosenAction(context) {
  const { page, step, state: { now, switches } } = context;
  const { t } = page;
  const mark = (a) => (a === now.action ? ` ${t("step.chosen")}` : "");
  const chooser = !step.known ? step.settings.chooser : switches.double ? "online" : "target";
  return [
    el("h4", {}, t("step.by_online")), ...qLines(context, now.online, "online", chooser === "online" ? mark : () => "", [now.action]),
    el("h4", {}, t("step.by_target")), ...qLines(context, now.rated, "target", mark, [now.action]),
    el("p", { class: "muted" }, t(RULES[chooser] ?? "step.rule_unknown")),
  ];
}

/** How the target came about; of returns with ends a mean may be cut off, and is then no sum of the others. */
function targetText({ t, num }, { settings: { loss, soft } }, now, adds) {
  if (loss === null) return t("step.f_recorded");
  if (loss.kind === "categories") return t("step.f_mean_wanted");
  const added = adds ? `${factor(num, now.added)} + ` : "";
  const sum = `${factor(num, now.reward)} + ${added}${num(now.discount, 6)} × ${factor(num, now.value)} = ${num(now.target, 6)}`;
  return `${t(soft ? "step.f_target_soft" : adds ? "step.f_target_added" : "step.f_target")} = ${sum}`;
}

function loss(context) {
  const { page, step, state, explained } = context;
  const { t, num } = page;
  const { now, all } = state;
  if (now === null) return el("p", { class: "warn" }, t("step.unknown_row", { n: state.switches.n }));
  const known = all.filter((each) => each !== null);
  const mean = known.reduce((sum, each) => sum + each.weight * each.loss, 0) / known.length;
  const has = step.settings.loss !== null;
  const td = step.settings.loss?.kind === "td";
  const error = td || !has ? now.error : now.target - now.prediction;
  const apart = `${t("step.f_error")} = ${num(now.target, 6)} − ${factor(num, now.prediction)} = ${num(error, 6)}`;
  const text = step.known ? lossText(page, now) : t(has && !td ? "step.f_sum_of_parts" : "step.f_recorded");
  return lines(
    has ? "" : el("p", { class: "muted" }, t("step.loss_unknown")),
    line(t(has && !td ? "step.error_of_means" : "step.col_error"), explained(error, has ? apart : t("step.f_recorded"), "error")),
    countedLine(context, td),
    lossParts(context),
    ...termLines(context, text),
    step.settings.term ? "" : line(t("step.col_loss"), explained(now.loss, text, "row")),
    line(t("step.mean"), explained(mean, t("step.f_mean", { rows: known.length, mean: num(mean, 6) }), "mean")),
    state.same ? "" : line(t("step.as_run"), explained(step.moment.loss, t("step.f_recorded"), "recorded")));
}

/** The error as the learner counts it, where rewards are divided before learning. */
function countedLine({ page: { t, num }, step, state: { now }, explained }, td) {
  const scale = step.settings.reward_scale;
  if (scale === 1 || !td || now.counted === null) return "";
  return line(t("step.counted"), explained(now.counted,
    `${factor(num, now.error)} / ${num(scale, 6)} = ${num(now.counted, 6)}   (${t("step.f_counted", { scale: num(scale, 6) })})`, "counted"));
}

function lossText({ num }, { counted: error, delta, headLoss: value }) {
  const size = num(Math.abs(error), 6);
  if (delta === null) return `${factor(num, error)}² = ${num(value, 6)}`;
  if (Math.abs(error) <= delta) return `${factor(num, error)}² / 2 = ${num(value, 6)}   (|δ| ≤ ${num(delta, 6)})`;
  return `${num(delta, 6)} × (${size} − ${num(delta, 6)} / 2) = ${num(value, 6)}   (|δ| > ${num(delta, 6)})`;
}

function gradient({ page, step, state, explained }) {
  const { t, num } = page;
  const { layers, norm, settings, rows } = step.moment;
  const pull = rows.pull === null ? null : rows.pull.data[state.chosen];
  const longest = Math.max(...layers.map(([, size]) => size), 1e-30);
  const squares = layers.map(([, size]) => `${num(size, 6)}²`).join(" + ");
  const most = settings.max_grad_norm;
  const bars = layers.map(([name, size], i) => {
    const fill = el("span", { class: "fill" });
    fill.style.width = `${100 * size / longest}%`;
    return el("div", { class: "bar" }, el("span", {}, name), el("span", { class: "bar-track" }, fill),
      explained(size, t("step.f_layer", { name }), `layer-${i}`));
  });
  return lines(
    pull === null ? "" : line(t("step.pull", { row: state.chosen }), explained(pull, t(pull < 0 ? "step.f_pull_up" : "step.f_pull_down", { pull: num(pull, 6) }), "pull")),
    el("div", { class: "bars" }, bars),
    line(t("step.norm"), explained(norm, `√(${squares}) = ${num(norm, 6)}`, "norm")),
    el("p", { class: "muted" }, most === null ? t("step.no_limit")
      : t(norm > most ? "step.above_limit" : "step.below_limit", { most: num(most, 6), scale: num(most / norm, 4) })));
}

function update({ page, step, state, explained }) {
  const { t } = page;
  const { moment } = step;
  const { formula } = moment.settings;
  const names = ["name", "before", "gradient", ...(formula ? ["mean", "square"] : []), "step", "after"];
  const line_ = (w, i) => {
    const texts = { ...weightTexts(page, w), ...(formula ? stepTexts(page, moment, w) : {}) };
    const values = { ...w, gradient: w.clipped, mean: w.memory[0], square: w.memory[1] };
    return el("tr", {}, el("td", {}, w.name), names.slice(1).map((name) => el("td", { class: "number" },
      explained(values[name], texts[name], `${name}-${i}`))));
  };
  const how = el("p", { class: "said" }, t(`step.update_${formula?.kind ?? "unknown"}`));
  return el("div", {}, how, el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, names.map((name, i) => (
      el("th", { scope: "col", class: i ? "number" : null }, t(`step.w_${name}`)))))),
    el("tbody", {}, moment.weights.map(line_)))),
  line(t("step.asked_again"), explained(moment.prediction_after.data[state.chosen], t("step.f_recorded"), "again")));
}

/** How each number of a weight's row came about, whatever the optimiser. */
function weightTexts({ t, num }, w) {
  const n = (x) => num(x, 6);
  return {
    before: t("step.f_before"),
    gradient: w.clipped === w.gradient ? t("step.f_gradient") : t("step.f_clipped", { gradient: n(w.gradient), clipped: n(w.clipped) }),
    step: t("step.f_recorded"),
    after: `${n(w.before)} + ${factor(num, w.step)} = ${n(w.after)}`,
  };
}

/** And how the optimiser's own did. */
function stepTexts({ num }, { settings, optimizer_steps: steps }, w) {
  const { lr, formula } = settings;
  const { beta1, beta2 } = formula.kind === "rmsprop" ? { beta1: formula.decay, beta2: formula.decay } : formula;
  const [meanBefore, squareBefore] = w.memory_before;
  const f = (x) => factor(num, x);
  const n = (x) => num(x, 6);
  return {
    mean: `m = ${n(beta1)} × ${f(meanBefore)} + ${n(1 - beta1)} × ${f(w.clipped)} = ${n(w.memory[0])}`,
    square: `v = ${n(beta2)} × ${f(squareBefore)} + ${n(1 - beta2)} × ${f(w.clipped)}² = ${n(w.memory[1])}`,
    step: `${STEPS[formula.kind]({ n, f, lr, formula, steps, w })} = ${n(w.step)}`,
  };
}

const adamStep = ({ n, lr, formula: { beta1, beta2, eps }, steps, w: { memory: [mean, square] } }) => (
  `−${n(lr)} × (${n(mean)} / ${n(1 - beta1 ** steps)}) / (√(${n(square)} / ${n(1 - beta2 ** steps)}) + ${n(eps)})`);

/** The step of each kind of optimiser, filled in. */
const STEPS = {
  adam: adamStep,
  adamw: (given) => `${adamStep(given)} − ${given.n(given.lr)} × ${given.n(given.formula.weight_decay)} × ${given.f(given.w.before)}`,
  radam: ({ n, lr, formula: { beta1, beta2, eps }, steps, w: { memory: [mean, square] } }) => {
    const most = 2 / (1 - beta2) - 1;
    const second = 1 - beta2 ** steps;
    const now = most - (2 * steps * (1 - second)) / second;
    const move = `−${n(lr)} × (${n(mean)} / ${n(1 - beta1 ** steps)})`;
    if (now <= 5) return move;
    const trust = Math.sqrt(((now - 4) * (now - 2) * most) / ((most - 4) * (most - 2) * now));
    return `${move} × ${n(trust)} × √${n(second)} / (√${n(square)} + ${n(eps)})`;
  },
  rmsprop: ({ n, f, lr, formula: { eps }, w: { clipped, memory: [mean, square] } }) => (
    `−${n(lr)} × ${f(clipped)} / √(${n(square)} − ${f(mean)}² + ${n(eps)})`),
};

function sync({ page, step, explained }) {
  const { t } = page;
  const { settings, sync_in: due, weights, updates } = step.moment;
  const w = weights[weights.length - 1];
  const [said, after] = syncTexts(page, settings.sync, w, due, updates);
  return lines(
    el("p", { class: "muted" }, said),
    line(`${w.name}, ${t("step.online")}`, explained(w.after, t("step.f_after"), "online")),
    line(`${w.name}, ${t("step.target_before")}`, explained(w.target_before, t("step.f_before"), "before")),
    line(`${w.name}, ${t("step.target_after")}`, explained(w.target_after, after, "after")));
}

/** What is said of the sync, and how the target's weight came about. */
function syncTexts({ t, num }, sync, w, due, updates) {
  if (sync === null) return [t("step.sync_unknown"), t("step.f_recorded")];
  if ("every" in sync) {
    const said = t(due === 0 ? "step.hard_now" : "step.hard_later", { every: sync.every, due, update: updates + 1 });
    return [said, t("step.f_hard", { every: sync.every })];
  }
  const n = (x) => num(x, 6);
  const moved = `${n(w.target_before)} + ${n(sync.tau)} × (${n(w.after)} − ${factor(num, w.target_before)}) = ${n(w.target_after)}`;
  return [t("step.polyak", { tau: n(sync.tau) }), moved];
}

/** Those that a moment has: where nothing is tried out none is chosen or stored, rollouts have no target network. */
export function stagesOf({ epsilon, returns }) {
  const absent = [...(epsilon === null ? ["choose", "store"] : []), ...(returns ? ["sync"] : [])];
  return STAGES.filter(({ id }) => !absent.includes(id));
}

const STAGES = [
  { id: "choose", draw: choose }, { id: "store", draw: store }, { id: "sample", draw: null },
  { id: "prediction", draw: prediction }, { id: "target", draw: target }, { id: "loss", draw: loss },
  { id: "gradient", draw: gradient }, { id: "update", draw: update }, { id: "sync", draw: sync },
];

/** The lines of a step that are a head's or a rule's own: distributions, their loss, a soft policy. */

import { el } from "../core/dom.js";
import { actionName, listed, unlisted } from "../core/naming.js";
import { sight, spread } from "../core/spread.js";
import { entropyTerms, evenly, farthest, likeliest, moved, pairOf, partsOf, policyOf } from "./stepparts.js";

const factor = (num, x) => (x < 0 ? `(${num(x, 6)})` : num(x, 6));

/** A small table: heads are words, cells texts or elements. */
function table(t, heads, lines) {
  return el("div", { class: "step-parts" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col", class: "number" }, t(`step.${name}`))))),
    el("tbody", {}, lines.map((cells) => el("tr", {}, cells.map((cell) => el("td", { class: "number" }, cell)))))));
}

const said = (t, key, values) => el("p", { class: "muted" }, t(`step.${key}`, values));

/** What stands in the place of parts that are not there. */
function missing({ page, step, state }) {
  return step.moment.rows.parts ? said(page.t, "parts_left_out", { row: state.chosen }) : "";
}

// ── Targets ──

/** How the distribution that follows becomes what is wanted. */
export function targetParts(context) {
  const { page, step, state } = context;
  const { loss } = step.settings;
  if (!loss || loss.kind === "td" || loss.kind === "histogram") return [];
  const parts = partsOf(step.moment, state.chosen);
  if (parts === null) return [missing(context)];
  const { now } = state;
  const reward = now.reward + now.added;
  return loss.kind === "categories" ? projection(context, parts, loss, reward, now.discount)
    : samples(page, parts, reward, now.discount, context.explained);
}

function projection({ page, explained }, parts, loss, reward, discount) {
  const { t, num } = page;
  const { at, following } = parts;
  const shown = likeliest(following);
  const lines = shown.map((k) => {
    const { value, to } = moved(parts, loss, reward, discount, k);
    const shares = to.map(([i, share]) => t("step.share_to", { share: num(share, 6), at: num(at[i], 6) })).join(", ");
    const text = `${factor(num, reward)} + ${num(discount, 6)} × ${factor(num, at[k])} = ${num(value, 6)}   (${shares})`;
    return [num(at[k], 5), num(following[k], 4), explained(value, text, `moved-${k}`)];
  });
  const step = (loss.high - loss.low) / (at.length - 1);
  return [
    said(t, "projection", { n: at.length, low: num(loss.low, 6), high: num(loss.high, 6), step: num(step, 6) }),
    picture(page, [
      { name: t("step.following"), class: "spread-following", at, share: following, mean: meanOf(at, following) },
      { name: t("step.wanted"), class: "spread-wanted", at, share: parts.wanted, mean: meanOf(at, parts.wanted) },
    ]),
    table(t, ["return", "probability", "becomes"], lines), others(t, at.length - shown.length),
  ];
}

function samples({ t, num }, { following, wanted }, reward, discount, explained) {
  const order = [...following.keys()].sort((a, b) => following[a] - following[b]);
  const shown = evenly(order.length).map((place) => order[place]);
  const lines = shown.map((j) => [num(following[j], 6), explained(wanted[j],
    `${factor(num, reward)} + ${num(discount, 6)} × ${factor(num, following[j])} = ${num(wanted[j], 6)}`, `sample-${j}`)]);
  return [said(t, "samples", { n: order.length }), table(t, ["quantile", "a_target"], lines), others(t, order.length - shown.length)];
}

// ── Losses ──

/** How the loss of the row adds up. */
export function lossParts(context) {
  const { step, state } = context;
  const { loss } = step.settings;
  if (!loss || loss.kind === "td") return [];
  const parts = partsOf(step.moment, state.chosen);
  if (parts === null) return [missing(context)];
  return parts.kind === "shares" ? crossEntropy(context, parts, loss) : quantileLoss(context, parts, loss);
}

function crossEntropy({ page, explained, state }, parts, loss) {
  const { t, num } = page;
  const { at, wanted, predicted } = parts;
  const terms = entropyTerms(parts);
  const shown = likeliest(wanted);
  const lines = shown.map((k) => [num(at[k], 5), num(wanted[k], 4), num(predicted[k], 4),
    explained(terms[k], wanted[k] > 0 ? `−${num(wanted[k], 6)} × ln ${num(predicted[k], 6)} = ${num(terms[k], 6)}` : t("step.nothing_wanted"), `term-${k}`)]);
  return [
    loss.kind === "histogram" ? said(t, "histogram", binValues(num, at.length, loss, state.now.target)) : "",
    said(t, "cross_entropy"),
    picture(page, [
      { name: t("step.wanted"), class: "spread-wanted-bars", at, share: wanted, mean: meanOf(at, wanted) },
      { name: t("step.predicted"), class: "spread-predicted", at, share: predicted, mean: meanOf(at, predicted) },
    ]),
    table(t, [loss.kind === "histogram" ? "bin" : "return", "wanted", "predicted", "adds"], lines),
    others(t, at.length - shown.length, num(sumBut(terms, shown), 6)),
  ];
}

function binValues(num, n, { low, high, sigma }, target) {
  const width = (high - low) / n;
  const centre = Math.min(Math.max(target, low), high);
  return {
    n, width: num(width, 6), low: num(low, 6), high: num(high, 6), sigma: num(sigma, 6), deviation: num(sigma * width, 6),
    centre: num(centre, 6),
  };
}

function quantileLoss({ page, step, explained }, parts, loss) {
  const { t, num } = page;
  const { level, predicted, wanted, terms } = parts;
  const scale = step.settings.reward_scale;
  const shown = evenly(level.length);
  const lines = shown.map((i) => [num(level[i], 4), num(predicted[i], 6), explained(terms[i], pairText(num, parts, loss, scale, i), `term-${i}`)]);
  const sorted = Float64Array.from(wanted).sort();
  const middles = sorted.map((_, j) => (j + 0.5) / sorted.length);
  return [
    said(t, loss.drawn ? "quantiles_drawn" : "quantiles_even", { n: level.length, kappa: num(loss.kappa, 6) }),
    picture(page, [
      { name: t("step.wanted"), class: "spread-wanted-bars", at: sorted, level: middles, mean: mean(wanted) },
      { name: t("step.predicted"), class: "spread-predicted", at: predicted, level, mean: mean(predicted) },
    ]),
    said(t, "quantile_loss"),
    table(t, ["level", "quantile", "adds"], lines), others(t, level.length - shown.length, num(sumBut(terms, shown), 6)),
  ];
}

/** One quantile against the target farthest from it, and what all of them come to. */
function pairText(num, parts, loss, scale, i) {
  const j = farthest(parts, i);
  const { apart, weight, huber, term } = pairOf(parts, loss, scale, i, j);
  const n = (x) => num(x, 6);
  const over = scale === 1 ? "" : ` / ${n(scale)}`;
  const difference = `${n(parts.wanted[j])} − ${factor(num, parts.predicted[i])}`;
  const how = Math.abs(apart) <= loss.kappa ? `${factor(num, apart)}² / 2` : `${n(loss.kappa)} × (${n(Math.abs(apart))} − ${n(loss.kappa)} / 2)`;
  return `u = ${over ? `(${difference})${over}` : difference} = ${n(apart)}\nhuber = ${how} = ${n(huber)}\n${n(weight)} × ${n(huber)} / ${n(loss.kappa)} = ${n(term)}\n∑ / ${parts.wanted.length} = ${n(parts.terms[i])}`;
}

// ── A soft policy ──

/** What stands before reward and discount, where a soft policy takes the place of one chosen action. */
export function softLines({ page, step, state, explained }) {
  const { t, num } = page;
  const { soft } = step.settings;
  const policy = policyOf(step.moment, state.chosen);
  const taken = step.moment.rows.action.data[state.chosen];
  const n = (x) => num(x, 6);
  const list = (q, log, share, key, always) => {
    const shown = listed([q], always);
    const lines = shown.map((a) => {
      const name = `${actionName(page, a)}${always.includes(a) ? ` ${t("step.taken")}` : ""}`;
      if (q[a] === -Infinity) return [name, t("step.forbidden"), "0", "–"];
      return [name, n(q[a]), num(share[a], 4), explained(log[a], `${n(soft.tau)} × ln ${n(share[a])} = ${n(log[a])}`, `${key}-${a}`)];
    });
    return [table(t, ["col_action", "q_target", "pi", "tau_log"], lines), el("p", { class: "muted" }, unlisted(page, shown, q.length) ?? "")];
  };
  const some = listed([policy.nextQ]).filter((a) => policy.nextShare[a] > 0);
  const sum = some.map((a) => `${n(policy.nextShare[a])} × (${n(policy.nextQ[a])} − ${factor(num, policy.nextLog[a])})`).join(" + ");
  const { now } = state;
  return {
    before: [
      said(t, "rule_soft", { tau: n(soft.tau), alpha: n(soft.alpha), least: n(soft.least) }),
      el("h4", {}, t("step.here_by_target")), ...list(policy.q, policy.log, policy.share, "here", [taken]),
      el("h4", {}, t("step.by_target")), ...list(policy.nextQ, policy.nextLog, policy.nextShare, "next", []),
    ],
    added: `${n(soft.alpha)} × clip(${n(policy.log[taken])}, ${n(soft.least)}, 0) = ${n(now.added)}`,
    value: some.length ? `${sum} = ${n(now.value)}` : t("step.f_terminal"),
  };
}

// ── Small things ──

function picture(page, layers) {
  const label = layers.map(({ name, mean: at }) => `${name}: ${page.t("step.mean_is", { mean: page.num(at, 4) })}`).join("; ");
  return el("figure", { class: "step-picture" }, spread({ layers, label, ...sight(layers) }),
    el("figcaption", { class: "muted" }, layers.map(({ name, class: kind, mean: at }) =>
      el("span", { class: `spread-key ${kind}` }, `${name} (${page.t("step.mean_is", { mean: page.num(at, 4) })})`)),
    layers[0].level ? el("span", {}, page.t("step.picture_quantiles")) : ""));
}

function others(t, count, sum = null) {
  if (count <= 0) return "";
  return el("p", { class: "muted" }, t(sum === null ? "step.others" : "step.others_add", { n: count, sum }));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const meanOf = (at, shares) => at.reduce((sum, value, i) => sum + value * shares[i], 0);
const sumBut = (terms, shown) => terms.reduce((sum, term, i) => sum + (shown.includes(i) ? 0 : term), 0);

/** What a step is made of where that is no replay's: the sequence of a row, and the lambda-returns of a rollout. */

import { el } from "../core/dom.js";
import { actionName, listed } from "../core/naming.js";
import { row } from "../core/codec.js";

const factor = (num, x) => (x < 0 ? `(${num(x, 6)})` : num(x, 6));

/** The sequence that the chosen row is in, moment by moment: its part, and the loss of each step. */
export function sequenceTable({ t, num }, { rows, sequences }, { chosen, all }) {
  const [, unroll] = sequences.start.shape;
  const [count, length] = sequences.first.shape;
  const which = Math.floor(chosen / unroll);
  const at = (array, k) => array.data[which * array.shape[1] + k];
  const starts = new Map();
  for (let k = 0; k < unroll; k += 1) if (at(sequences.counts, k)) starts.set(at(sequences.start, k), which * unroll + k);
  const names = ["moment", "part", "col_row", "col_prediction", "col_target", "col_error", "col_loss", "weight", "memory_size"];
  const line = (moment) => {
    const i = starts.get(moment);
    const part = t(moment < sequences.burn_in ? "step.part_burn_in" : i === undefined ? "step.part_beyond" : "step.part_learned");
    const begins = at(sequences.first, moment) ? ` ${t("step.begins")}` : "";
    const now = i === undefined ? null : all[i];
    const cells = now ? [now.prediction, now.target, now.error, now.loss, rows.weight.data[i]] : [null, null, null, null, null];
    return el("tr", { class: i === chosen ? "step-chosen" : null },
      el("td", { class: "number" }, moment), el("td", {}, part + begins), el("td", { class: "number" }, i ?? ""),
      cells.map((value) => el("td", { class: "number" }, value === null ? "" : num(value, 5))),
      el("td", { class: "number" }, num(at(sequences.size, moment), 4)));
  };
  return el("div", { class: "step-parts", id: "step-sequence" },
    el("p", { class: "muted" }, t("step.sequence_of", { row: chosen, which, last: count - 1, burn: sequences.burn_in, unroll })),
    el("table", {},
      el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col", class: name === "part" ? null : "number" }, t(`step.${name}`))))),
      el("tbody", {}, Array.from({ length }, (_, moment) => line(moment)))));
}

/** The lambda-return that the chosen row is pulled towards, from the last step backwards. */
export function returnLines({ page, step, state, explained }) {
  const { t, num } = page;
  const { returns, rows, settings } = step.moment;
  const i = state.chosen;
  const of = (name) => row(returns[name], i);
  const [reward, discount, value, g] = ["reward", "discount", "value", "g"].map(of);
  const count = Number(returns.length.data[i]);
  const more = returns.more.data[i] === 1;
  const n = (x) => num(x, 6);
  const lambda = settings.td_lambda;
  const text = (k) => {
    if (discount[k] === 0) return `${n(reward[k])}   (${t("step.f_terminal")})`;
    if (k === count - 1) return more ? t("step.f_not_listed") : `${factor(num, reward[k])} + ${n(discount[k])} × ${factor(num, value[k])} = ${n(g[k])}`;
    return `${factor(num, reward[k])} + ${n(discount[k])} × (${n(1 - lambda)} × ${factor(num, value[k])} + ${n(lambda)} × ${factor(num, g[k + 1])}) = ${n(g[k])}`;
  };
  const steps = Array.from({ length: count }, (_, k) => count - 1 - k);
  const q = row(rows.next_online, i);
  const best = listed([q]).map((a) => `Q(${actionName(page, a)}) = ${n(q[a])}`).join(", ");
  return [
    el("p", { class: "muted" }, t("step.returns_how", { lambda: n(lambda) })),
    rows.discount.data[i] === 0 ? "" : el("p", { class: "muted" }, t("step.returns_next", { values: best })),
    el("div", { class: "step-parts" }, el("table", {},
      el("thead", {}, el("tr", {}, ["later", "col_reward", "discount", "value", "col_return"].map((name) => (
        el("th", { scope: "col", class: "number" }, t(`step.${name}`)))))),
      el("tbody", {}, steps.map((k) => el("tr", {},
        [String(k), n(reward[k]), n(discount[k]), discount[k] === 0 ? "–" : n(value[k])].map((cell) => el("td", { class: "number" }, cell)),
        el("td", { class: "number" }, explained(g[k], text(k), `return-${k}`))))))),
    el("div", { class: "step-line" }, el("span", { class: "muted" }, t("step.col_target")),
      el("span", {}, explained(state.now.target, text(0), "value"))),
  ];
}

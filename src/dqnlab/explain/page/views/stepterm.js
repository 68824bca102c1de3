/** What is added to a head's loss: the margin of demonstrations, or CQL's term. */

import { row } from "../core/codec.js";
import { el } from "../core/dom.js";

const factor = (num, x) => (x < 0 ? `(${num(x, 6)})` : num(x, 6));

/** Three lines: the head's own loss, what is added, and both together; none where nothing is added. */
export function termLines({ page, step, state, explained }, headText) {
  const { t, num } = page;
  const { settings, rows } = step.moment;
  const { term } = settings;
  if (!term) return [];
  const { now, chosen: i } = state;
  const q = Array.from(row(rows.q, i), (value) => value / settings.reward_scale);
  const { value, text } = term.kind === "cql" ? cql(num, term, q, rows.action.data[i])
    : margin(page, term, q, rows.action.data[i], rows.demonstrated?.data[i]);
  const n = (x) => num(x, 6);
  const line = (name, ...parts) => el("div", { class: "step-line" }, el("span", { class: "muted" }, t(name)), el("span", {}, ...parts));
  return [
    line("step.head_loss", explained(now.headLoss, headText, "head")),
    el("p", { class: "muted" }, t(`step.term_${term.kind}`, { margin: n(term.margin ?? 0) })),
    line("step.term", explained(value, text, "term")),
    line("step.col_loss", explained(now.loss, `${n(now.headLoss)} + ${n(value)} = ${n(now.loss)}`, "row")),
  ];
}

/** alpha × (log of the sum of exp Q − Q of the action): {value, text}. */
export function cql(num, { alpha }, q, action) {
  const most = Math.max(...q);
  const log = most + Math.log(q.reduce((sum, each) => sum + Math.exp(each - most), 0));
  const value = alpha * (log - q[action]);
  return { value, text: `${num(alpha, 6)} × (ln ∑ exp Q − Q) = ${num(alpha, 6)} × (${num(log, 6)} − ${factor(num, q[action])}) = ${num(value, 6)}` };
}

/** weight × (max (Q + margin of another action) − Q of the action shown), of recorded rows: {value, text}. */
export function margin({ t, num }, { margin: by, weight }, q, action, shown) {
  if (!shown) return { value: 0, text: t("step.f_not_shown") };
  const best = Math.max(...q.map((each, a) => each + (a === action ? 0 : by)));
  const value = weight * (best - q[action]);
  return { value, text: `${num(weight, 6)} × (${num(best, 6)} − ${factor(num, q[action])}) = ${num(value, 6)}` };
}

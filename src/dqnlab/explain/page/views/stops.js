/** The stops of one transition on its way through an update: where it is, and the one number that it gets there. */

import { row } from "../core/codec.js";
import { singleRewards } from "./stepmath.js";

const SHOWN = 3; // rewards of a sum that are written out

/** All that there may be, in order; those that change a number name the stop whose place it has. */
export const STOPS = [
  "reward", "sum", "stored", "drawn", "weight", "prediction", "choose", "next", "discount", "added", "goal", "error", "loss",
  "update", "after", "sync",
];
export const INSTEAD = { after: "prediction" };

/**
 * [{id, place, value, said, parts}] of row i, as `now` recomputes it: the sentence `said` takes the numbers and actions in
 * `parts`, besides x, the value.
 */
export function stopsOf(step, i, now) {
  const { moment, settings } = step;
  const first = singleReward(step, i, now);
  const parts = { row: i, action: moment.rows.action.data[i], then: now.action };
  return [
    first === null ? null : stop("reward", "env", first, `reward${isRecorded(moment, i) ? "_recorded" : ""}`, parts),
    now.k === 1 ? null : stop("sum", "env", now.reward, first === null ? "sum_only" : "sum", { k: now.k, sum: sumParts(step, i, now) }),
    ...drawn(step, i, now),
    stop("prediction", "online", now.prediction, "prediction", parts),
    ...(moment.returns ? ofReturns(moment, i, now) : ofTarget(step, now, parts)),
    stop("error", "error", now.target - now.prediction, now.target < now.prediction ? "error_high" : "error_low",
      { x: Math.abs(now.target - now.prediction) }),
    stop("loss", "error", now.loss, settings.loss === null || settings.loss.kind === "td" ? "loss" : "loss_whole"),
    ...learned(step, i),
  ].filter((each) => each !== null);
}

const stop = (id, place, value, said = id, parts = {}) => ({ id, place, value, said, parts: { x: value, ...parts } });

/** What the environment paid for this very step; null where only a sum over several was kept. */
export function singleReward({ moment }, i) {
  const single = singleRewards(moment, i);
  if (single.length) return single[0];
  return moment.rows.span.data[i] === 1 ? moment.rows.reward.data[i] : null;
}

/** Whether somebody else took the action of row i. */
export const isRecorded = ({ epsilon, rows }, i) => epsilon === null || rows.demonstrated?.data[i] === 1;

/** The rewards of a sum with what each counts, [[factor, reward]], and how many more there are; null where unknown. */
function sumParts({ moment, settings }, i, now) {
  const rewards = Array.from(singleRewards(moment, i).subarray(0, now.k));
  if (rewards.length < now.k) return null;
  return { terms: rewards.slice(0, SHOWN).map((reward, k) => [settings.gamma ** k, reward]), left: Math.max(now.k - SHOWN, 0) };
}

/** How it was kept, and how it came into the batch. */
function drawn({ moment, settings }, i) {
  const { rows, size, sequences, returns } = moment;
  const kind = sequences ? "_sequences" : returns ? "_rollout" : isRecorded(moment, i) ? "_recorded" : "";
  const often = settings.chance === "by error";
  return [
    stop("stored", "replay", size, `stored${kind}`),
    stop("drawn", "batch", settings.batch_size, often ? "drawn_often" : returns ? "drawn_rollout" : "drawn"),
    often ? stop("weight", "batch", rows.weight.data[i]) : null,
  ];
}

/** How the target value comes about from what both networks say of what follows. */
function ofTarget({ settings }, now, parts) {
  const { chooser, soft, loss } = settings;
  const follows = now.discount !== 0;
  const double = follows && now.action !== null && now.chooser === "online";
  const rated = soft ? "next_soft" : now.action === null ? "next_unknown" : double ? "next_double" : "next_greedy";
  const ends = now.ends ? "discount_as_end" : "discount_end";
  return [
    double ? stop("choose", "online", now.online.q[now.action], "choose", parts) : null,
    follows ? stop("next", "target", now.value, chooser === null && !soft ? "next_unknown" : rated, parts) : null,
    stop("discount", "target", now.discount, follows ? "discount" : ends, { k: now.k }),
    soft ? stop("added", "target", now.added, "added", parts) : null,
    stop("goal", "error", now.target, loss === null ? "goal_unknown" : loss.kind === "categories" ? "goal_mean" : follows ? "goal" : "goal_end",
      { reward: now.reward + now.added, discount: now.discount, value: now.value }),
  ];
}

/** And of a rollout, whose returns were computed before learning. */
function ofReturns({ returns }, i, now) {
  const [value, discount] = ["value", "discount"].map((name) => row(returns[name], i)[0]);
  return [
    discount === 0 ? null : stop("next", "online", value, "next_rollout"),
    stop("discount", "online", discount, discount === 0 ? "discount_end" : "discount", { k: 1 }),
    stop("goal", "error", now.target, discount === 0 ? "goal_end" : "goal_rollout", { reward: now.reward }),
  ];
}

/** What the update made of it: one weight, the same question asked again, and how the target network follows. */
function learned({ moment }, i) {
  const { weights, settings: { sync }, sync_in: due, returns, prediction_after: after, rows } = moment;
  const weight = weights.at(-1);
  const followed = sync === null ? stop("sync", "target", weight.target_after, "sync_unknown")
    : "every" in sync ? stop("sync", "target", due, due === 0 ? "sync_now" : "sync_later", { every: sync.every })
      : stop("sync", "target", sync.tau, "sync_share");
  const batch = { loss: moment.loss, loss_after: moment.loss_after };
  return [
    stop("update", "update", weight.step, "update", { before: weight.before, after: weight.after }),
    stop("after", "online", after.data[i], `after${wayOf(rows.prediction.data[i], after.data[i], rows.target.data[i])}`,
      { before: rows.prediction.data[i], target: rows.target.data[i], ...batch }),
    returns ? null : followed,
  ];
}

/** How a prediction missed its target value: went past it, or away from it; "" if it came nearer. */
function wayOf(before, after, target) {
  if ((after - before) * (target - before) < 0) return "_away";
  return (target - before) * (target - after) < 0 ? "_past" : "";
}

/**
 * The transition that is followed until the reader chooses: of those that came nearer to their targets and are known whole
 * the one that the update moved most.
 */
export function clearest({ moment, count, settings }) {
  const { rows, prediction_after: after } = moment;
  const nearer = (i) => after.data[i] !== rows.prediction.data[i] && wayOf(rows.prediction.data[i], after.data[i], rows.target.data[i]) === "";
  const moved = (i) => (after.data[i] - rows.prediction.data[i]) * Math.sign(rows.target.data[i] - rows.prediction.data[i]);
  const worth = (i) => (
    (nearer(i) ? 16 : 0) + (singleReward({ moment }, i) === null ? 0 : 8) + (rows.discount.data[i] === 0 ? 0 : 2) + (rows.weight.data[i] > 0 ? 4 : 0)
    + (rows.span.data[i] === settings.n ? 1 : 0));
  const all = Array.from({ length: count }, (_, i) => i);
  return all.reduce((best, i) => {
    const [a, b] = [worth(i), worth(best)];
    return a > b || (a === b && moved(i) > moved(best)) ? i : best;
  }, 0);
}

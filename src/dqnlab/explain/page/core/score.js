/** What is said of how sure a score is. */

import { num } from "./i18n.js";

/** The score's 95 % interval in words, or why there is none. */
export function interval({ low, high, episodes }, t) {
  if (low !== null && high !== null) return t("main.interval", { low: num(low, 4), high: num(high, 4) });
  return t(episodes === 1 ? "main.one_episode" : "main.no_spread");
}

/** The score under the step limit that the environment is registered with, where the run had another; else null. */
export function registered({ score_registered: score }, t) {
  return score ? t("curve.registered", { mean: num(score.mean, 4), interval: interval(score, t) }) : null;
}

/**
 * How "solved" and "confirmed" stand to each other, as a word of `curve.*`; null where nothing is to be reconciled.
 * Solved asks that the score reaches the threshold; confirmed that a whole interval of fresh episodes lies above it.
 */
export function standing({ run, threshold, confirms }) {
  if (!run.score || threshold === null) return null;
  const passed = confirms?.some((each) => each.passed);
  if (run.solved) {
    if (confirms?.length && !passed) return "solved_unconfirmed";
    return isNarrow({ run, threshold }) ? "solved_narrowly" : null;
  }
  return passed ? "confirmed_unsolved" : null;
}

/** Whether a run is solved though its score's interval reaches below the threshold. */
export function isNarrow({ run, threshold }) {
  const low = run.score?.low ?? null;
  return run.solved === true && threshold !== null && low !== null && low < threshold;
}

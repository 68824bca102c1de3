/** What stands above everything: the score, the verdicts as chips, and behind "details" where they come from. */

import { el } from "../core/dom.js";
import { num, sentences } from "../core/i18n.js";
import { interval, isNarrow, registered } from "../core/score.js";

const SEVERITY = { good: "good", notice: "warn", bad: "bad" };

/** link(id, text, class): a way to a section. story: what opens the story of DQN. */
export function headline({ data, t, level, lang }, link, story) {
  const { run, threshold } = data;
  const finding = data.findings?.[0];
  const solved = { true: [isNarrow(data) ? "main.chip_narrow" : "main.chip_solved", "good"], false: ["main.chip_unsolved", "warn"] }[run.solved];
  const chips = [
    solved ? link("curve", t(solved[0]), `chip ${solved[1]}`) : null,
    finding ? link("health", t(`health.kind.${finding.kind}.name`), `chip ${SEVERITY[finding.severity]}`) : null,
  ];
  return el("div", { class: "summary" },
    el("p", { class: "score" },
      el("span", { class: "score-number" }, run.score ? num(run.score.mean, 4) : "–"), " ",
      el("span", { class: "muted" }, t(run.score ? "main.score_of" : "main.unscored"))),
    run.score && run.score.low !== null ? el("p", { class: "muted score-range", title: interval(run.score, t) }, t("main.likely", { low: num(run.score.low), high: num(run.score.high) })) : null,
    el("h1", {}, run.env),
    el("div", { class: "chips" }, chips),
    story,
    details(data, t, level, threshold, lang));
}

function details({ run, live, stands_in: standsIn }, t, level, threshold, lang) {
  const verdict = { true: "main.solved", false: "main.unsolved" }[run.solved];
  const score = run.score
    ? t("main.score", { mean: num(run.score.mean, 4), interval: interval(run.score, t), n: run.score.episodes })
    : t(live ? "main.going" : "main.no_score");
  const said = [score, verdict ? t(verdict, { threshold: num(threshold, 4) }) : null, registered(run, t)].filter(Boolean);
  const made = run.imported
    ? t("main.imported", { what: run.imported, seed: run.seed, name: run.name })
    : t("main.made", {
      preset: run.preset, seed: run.seed, steps: run.env_steps.toLocaleString("en"),
      updates: run.updates.toLocaleString("en"), name: run.name,
    });
  return el("details", { class: "about", open: level === "numbers" || standsIn || (!run.score && !live) },
    el("summary", {}, t("main.details")),
    el("p", {}, sentences(said, lang)),
    standsIn ? el("p", {}, t("main.stands_in")) : null,
    el("p", { class: "muted" }, made));
}

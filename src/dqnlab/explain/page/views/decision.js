/** The decision at the shared moment: what was seen, and what three networks thought of every action. */

import { clear, el, perFrame } from "../core/dom.js";
import { sentences } from "../core/i18n.js";
import { actionClass, actionName, listed, stateWords, unlisted } from "../core/naming.js";
import { outlookAt } from "../core/outlook.js";
import { sight, spread } from "../core/spread.js";
import { argmax, bestTwo } from "../net/network.js";
import { inputRow, places } from "./inputs.js";
import { lookAt, seenImage } from "./looks.js";
import { digitsFor, ratings } from "./ratings.js";
import { outcomeOf } from "../world/outcome.js";
import { scaleOf, widened } from "../world/scale.js";
import { paintSeen, sidesOf, sizeOf } from "../world/seen.js";

const NAMES = ["best", "online", "target"]; // those that a run has: PQN learns without a target network
const MOST_INPUTS = 24;
const FEW = 8; // of them in the story
const SLACK = 0.01; // by how much a value may be beyond what can come

export function mountDecision(root, page) {
  if (!page.moment()) {
    root.append(el("p", {}, page.t("decision.nothing")));
    return null;
  }
  const whole = { last: isLast(page.data), reward: steady(page.data.episodes) }; // of no single moment
  const draw = () => clear(root).append(card(page, page.moment(), whole));
  const soon = perFrame(draw);
  page.store.on(["ep", "t"], soon);
  draw();
  return soon.cancel;
}

/**
 * What a network chose: its best action, the second best (null if no other is allowed), and the gap between them.
 * Forbidden actions are worth -Infinity.
 */
export function choice(q) {
  const { best, second } = bestTwo(q);
  return { best, second, gap: second === null ? 0 : q[best] - q[second] };
}

/** Whether the best network is the one that training ended with: both say the same of every recorded step. */
function isLast({ episodes }) {
  return episodes.every(({ q }) => q.online && q.best.data.every((value, i) => value === q.online.data[i]));
}

function card(page, moment, { last, reward }) {
  const names = namesIn(moment);
  const rows = names.map((name) => moment.q[name]);
  const shown = listed(rows);
  const own = scaleOf(moment.episode);
  const scale = page.level === "story" ? own : widened(own, rows.map((q) => shown.map((a) => q[a])));
  const rest = unlisted(page, shown, moment.q.best.length);
  return el("div", {},
    el("p", { class: "said decision-story story-only" }, short(page, moment)),
    el("p", { class: "said decision-verdict numbers-only" }, sentence(page, moment)),
    el("div", { class: "decision-parts" },
      el("div", { class: "card" }, el("h3", {}, page.t("decision.seen")), seen(page, moment)),
      el("div", { class: "card" },
        el("h3", { class: "story-only" }, page.t("decision.worth")),
        el("h3", { class: "numbers-only" }, page.t("decision.thought")),
        el("div", { class: "decision-networks" }, names.map((name) => network(page, name, moment.q[name], scale, shown, last))),
        came(page, moment),
        rest === null ? null : el("p", { class: "muted" }, rest),
        isSoft(page) ? el("p", { class: "muted" }, page.t("decision.soft")) : counting(page, moment, reward),
        el("p", { class: "muted numbers-only" }, page.t("decision.scale"))),
      expected(page, moment, shown),
      el("div", { class: "card decision-wide numbers-only" }, el("h3", {}, page.t("decision.exploration")), exploration(page, moment))));
}

const isSoft = ({ data }) => Boolean(data.settings.raises || data.settings.lowers);

/** Why a Q-value is another sum than the score; null where there is no score, or gamma is not known or 1. */
function counting({ data, t, num, lang }, { q }, reward) {
  const { gamma } = data.settings;
  if (!data.run.score || data.run.imported || !(gamma < 1)) return null;
  const said = [t("decision.counting", { gamma: num(gamma, 6) })];
  if (reward !== null) {
    const [most, value] = [reward / (1 - gamma), Math.max(...q.best)];
    said.push(t("decision.adds_up", { reward: num(reward), most: num(most) }));
    if (value / most > 1 + SLACK) said.push(t("decision.beyond", { value: num(value) }));
  }
  return el("p", { class: "muted decision-counting" }, sentences(said, lang));
}

/** The reward that every recorded step had; null where they differ, or are 0. */
function steady(episodes) {
  const paid = new Set(episodes.flatMap(({ reward }) => [...reward.data]));
  const [reward] = paid;
  return paid.size === 1 && reward !== 0 ? reward : null;
}

/** What then came in the episode, beside what was expected; null where the two do not compare. */
function came({ data, t, num }, { episode, t: step, q, action }) {
  const outcome = outcomeOf(episode, data.settings);
  if (outcome === null || data.run.imported) return null;
  return el("p", { class: "decision-came" }, t("decision.came", { expected: num(q.best[action]), came: num(outcome[step]) }));
}

function namesIn(moment) {
  return NAMES.filter((name) => moment.q[name] !== null);
}

/** What it does and by how much it is better, in one plain sentence. */
function short(page, { q }) {
  const { best, second, gap } = choice(q.best);
  const names = { action: actionName(page, best), second: second === null ? "" : actionName(page, second), gap: page.num(gap) };
  return page.t(`decision.${second === null ? "only" : gap === 0 ? "equal" : "takes"}`, names);
}

function sentence(page, moment) {
  const { t, num } = page;
  const names = namesIn(moment);
  const chosen = Object.fromEntries(names.map((name) => [name, choice(moment.q[name])]));
  const others = names.slice(1).filter((name) => chosen[name].best !== chosen.best.best);
  const action = actionName(page, chosen.best.best);
  const parts = others.length === 0
    ? [t("decision.agree", { action })]
    : [t("decision.acts", { action }), ...others.map((name) =>
      t("decision.would", { network: t(`decision.${name}`), action: actionName(page, chosen[name].best) }))];
  const { gap, second } = chosen.best;
  if (second !== null) {
    parts.push(t(gap === 0 ? "decision.tie" : "decision.margin", {
      best: action, gap: num(gap), second: actionName(page, second),
    }));
  }
  return parts.join(page.lang === "en" ? " " : "");
}

function seen(page, { obs, t: step, last }) {
  const { data, t } = page;
  const when = el("p", { class: "muted numbers-only" }, t("decision.when", { t: step, last }));
  const pictures = data.obs.pictures.map((picture) => shownPicture(page, picture, obs));
  const look = obs === null ? lookAt(page.moment().episode, step) : null;
  if (look !== null) return el("div", {}, when, glimpses(page, look));
  if (obs === null) {
    const said = t(data.world.params.source === "observation" ? "decision.above" : "decision.not_kept");
    return el("div", {}, when, pictures, el("p", { class: "muted" }, said));
  }
  if (data.obs.num_states !== null) return el("div", {}, when, el("p", {}, whichState(page, obs)));
  const { all, told } = places(page, obs.length, FEW);
  const digits = page.level === "story" ? 3 : 4;
  const rows = all.filter((i, nth) => nth < MOST_INPUTS || told.has(i))
    .map((i) => inputRow(page, i, obs[i], { digits, kind: told.has(i) ? null : "numbers-only" }));
  const more = all.length - rows.length;
  return el("div", {}, when, pictures, rows.length ? el("table", {}, el("tbody", {}, rows)) : null,
    all.length > FEW ? el("p", { class: "muted story-only" }, t("decision.more", { n: all.length - FEW })) : null,
    more > 0 ? el("p", { class: "muted numbers-only" }, t("decision.more", { n: more })) : null);
}

/** What the network saw of pictures that are too large to be kept as numbers. */
function glimpses(page, look) {
  const older = look.exact ? null : el("p", { class: "muted" }, page.t("looks.as_of", { step: look.step, every: look.looks.every }));
  return [...look.looks.views.map((view) => seenImage(page, look, view)), older];
}

/** A picture in words, and drawn where the observation was kept. */
function shownPicture({ data, t }, picture, obs) {
  const [height, width] = sidesOf(picture);
  const channels = sizeOf(picture) / (height * width);
  const words = t(picture.name ? "decision.named_picture" : "decision.picture", { name: picture.name, height, width, channels });
  const newest = data.obs.stack > 1 ? el("p", { class: "muted" }, t("decision.newest", { n: data.obs.stack })) : null;
  return el("div", {}, el("p", {}, words), newest, obs && paintSeen(el("canvas", { class: "decision-picture", role: "img", "aria-label": words }), picture, obs));
}

function whichState(page, obs) {
  const { data, t } = page;
  const width = data.world?.kind === "frozenlake" ? data.world.params.desc[0].length : null;
  const parts = [...obs].map((state) => stateWords(page, state));
  if (width && obs.length === 1) {
    parts.push(t("decision.cell", { row: Math.floor(obs[0] / width) + 1, column: (obs[0] % width) + 1 }));
  }
  return sentences(parts, page.lang);
}

function network(page, name, q, scale, shown, last) {
  const { t, num } = page;
  const { best, gap } = choice(q);
  const items = shown.map((a) => ({
    label: `${a === best ? "▸ " : ""}${actionName(page, a)}`, value: q[a], class: actionClass(a),
    said: q[a] === -Infinity ? t("decision.forbidden") : null,
  }));
  const drawn = ratings(items, { scale, digits: page.level === "story" ? 3 : digitsFor(q, gap), t });
  drawn.children[shown.indexOf(best)].classList.add("chosen");
  const zero = drawn.querySelector(".decision-zero") ? t("decision.zero") : "";
  return el("div", { class: `decision-network${name === "best" ? "" : " numbers-only"}`, "data-network": name },
    el("h4", { class: "numbers-only" }, t(`decision.${name}`)),
    el("p", { class: "muted numbers-only" }, t(name === "best" && last ? "decision.best_is_last" : `decision.${name}_role`)),
    drawn,
    el("p", { class: "numbers-only" }, t("decision.gap", { gap: num(gap, 4) }), " ", el("span", { class: "muted" }, zero)));
}

/** What returns the best network expects of each action, where it says more than their mean. */
function expected(page, moment, shown) {
  const { t, num } = page;
  const found = outlookAt(moment.episode, moment.t);
  if (found === null) return null;
  const drawn = found.actions.filter(({ action }) => shown.includes(action));
  const exact = found.step === moment.t;
  const ends = sight(drawn);
  const pictures = drawn.map((each) => {
    const mean = exact ? moment.q.best[each.action] : each.mean;
    const name = actionName(page, each.action);
    const forbidden = mean === -Infinity;
    const words = forbidden ? t("decision.forbidden") : t("decision.mean", { mean: num(mean, 4) });
    const chosen = exact && each.action === argmax(moment.q.best);
    return el("figure", { class: `decision-outlook ${actionClass(each.action)}`, "data-action": each.action },
      el("figcaption", { class: chosen ? "chosen" : null }, `${chosen ? "▸ " : ""}${name}: ${words}`),
      spread({
        layers: [{ ...each, mean: forbidden ? each.mean : mean, name, class: actionClass(each.action) }],
        label: `${name}: ${words}`, ...ends, width: 320, height: 120,
      }));
  });
  return el("div", { class: "card decision-wide" },
    el("h3", {}, t("decision.outlook")),
    el("p", { class: "muted" }, t(`decision.${found.form}`)),
    el("div", { class: "decision-outlooks" }, pictures),
    exact ? null : el("p", { class: "muted" }, t("decision.as_of", { step: found.step, every: moment.episode.outlook.every })));
}

function exploration({ data, t, num }, { coin }) {
  const epsilon = data.settings.epsilon;
  const words = { noisy: epsilon === 0 ? "noisy_alone" : "noisy", soft: "drawn" };
  const others = Object.keys(words).filter((name) => data.settings[name]).map((name) => el("p", { class: "muted" }, t(`decision.${words[name]}`)));
  if (epsilon === 0 && others.length) return el("div", {}, others);
  if (!Number.isFinite(epsilon) || !Number.isFinite(coin)) return el("p", {}, t("decision.no_epsilon"));
  const below = el("span", { class: "fill decision-epsilon" });
  below.style.width = `${100 * epsilon}%`;
  const dot = el("span", { class: "decision-dot" });
  dot.style.left = `${100 * coin}%`;
  return el("div", {},
    el("p", {}, t(coin < epsilon ? "decision.overruled" : "decision.stands", { coin: num(coin), epsilon: num(epsilon) })),
    el("span", { class: "bar-track decision-place", "aria-hidden": "true" }, below, dot),
    el("p", { class: "muted" }, t("decision.coin")),
    others);
}

/** You against it: the same start, the same physics, your keys on one side and the best network on the other. */

import { makeClock } from "../world/clock.js";
import { el } from "../core/dom.js";
import { makeGame, steering } from "../world/game.js";
import { makeScore } from "../world/match.js";
import { features } from "../net/features.js";
import { makeStage } from "../world/stage.js";
import { stepsPerSecond, systemOf } from "../world/systems.js";

const SPEEDS = [1, 0.5, 0.25];
const SLOWEST = 7; // steps a second in slow motion, at least
const KEYS = { ArrowLeft: "left", ArrowRight: "right" };

export function mountYou(root, page) {
  page.store.declare("you.speed", slow(page));
  const match = makeMatch(page);
  const board = makeBoard(page, match);
  root.append(board.node);
  const away = () => { if (document.hidden) match.pause(); };
  const blurred = () => match.pause();
  document.addEventListener("visibilitychange", away);
  window.addEventListener("blur", blurred);
  match.show();
  return () => {
    match.end();
    document.removeEventListener("visibilitychange", away);
    window.removeEventListener("blur", blurred);
  };
}

/** Whether the page has all that a duel needs: the physics, an opponent, and a start. */
export function canDuel({ data, networks }) {
  return Boolean(systemOf(data.world) && networks.best && data.episodes?.[0]?.obs);
}

/** As slow as it may be without boring anybody. */
function slow({ data }) {
  const rate = stepsPerSecond(data.world);
  return SPEEDS.findLast((speed) => speed * rate >= SLOWEST) ?? 1;
}

/** The recorded episode in whose first state a round begins: the one that the page shows at first, then the others. */
function episodeOf({ data }, round) {
  const shown = data.labels?.usual ?? 0;
  return data.episodes[(shown + round - 1) % data.episodes.length];
}

function startOf(page, round) {
  const { data } = page;
  const { obs, state } = episodeOf(page, round);
  const system = systemOf(data.world);
  const first = (array) => array.data.slice(0, array.data.length / array.shape[0]);
  const seen = first(obs);
  return {
    system, params: data.world.params, seen, limit: data.settings.max_episode_steps,
    state: state ? first(state) : system.fromObs(seen.slice(-data.inputs.filter((input) => !input.ago).length)),
  };
}

/**
 * The rounds with their clock: {seed(), round(), score, go(), restart(), pause(), hold(key), release(key), show(), end(), onShow(fn)}.
 * `go()` is what the one large button does: make ready, pause, go on, the next round.
 */
function makeMatch(page) {
  const { data, store } = page;
  const rate = stepsPerSecond(data.world);
  const qValues = (obs) => page.networks.best.qValues(features(data.obs, obs));
  const speed = () => (SPEEDS.includes(store.get("you.speed")) ? store.get("you.speed") : slow(page));
  const score = makeScore();
  let round = 1; // that is played, or was last
  const fresh = () => {
    round = score.round();
    return makeGame({ start: startOf(page, round), keys: steering[data.world.kind], qValues });
  };
  const listeners = [];
  let game = fresh();
  let clock = makeClock(rate, () => {}, () => {});

  const show = () => listeners.forEach((listener) => listener(game));
  const tick = () => {
    game.tick();
    if (game.phase !== "over") return;
    clock.stop();
    score.add(game.winner());
  };
  const run = () => {
    if (clock.running()) return;
    clock = makeClock(rate * speed(), tick, show);
    clock.start();
  };
  const pause = () => {
    clock.stop();
    game.pause();
    show();
  };
  const next = () => {
    clock.stop();
    if (score.over()) score.reset();
    game = fresh();
    game.start();
    show();
  };
  return {
    seed: () => episodeOf(page, round).seed,
    round: () => round,
    score,
    go() {
      if (game.phase === "playing") return pause();
      if (game.phase === "over") return next();
      if (game.phase === "paused") {
        game.resume();
        run();
      }
      game.start();
      return show();
    },
    restart() {
      score.reset();
      next();
    },
    pause,
    hold(key) {
      game.hold(key);
      if (game.phase === "playing") run();
      show();
    },
    release: (key) => { game.release(key); show(); },
    show,
    onShow: (listener) => listeners.push(listener),
    end: () => clock.stop(),
  };
}

/** One of the two: {node, stage, show(walk, action)}. `below` stands under its picture. */
function makeSide(page, name, below = null) {
  const { data, t, num } = page;
  const stage = makeStage(data.world);
  const said = el("p", { class: "number you-said" });
  return {
    stage: stage.node,
    node: el("div", { class: "card you-side" }, el("h3", {}, t(name)), stage.node, below, said),
    show(walk, action) {
      const text = t(walk.ended ? `you.${walk.ended}` : "you.now", { n: walk.steps, total: num(walk.total, 6) });
      said.textContent = text;
      stage.show(walk.state, { action: walk.ended ? null : action, label: `${t(name)}: ${text}` });
    },
  };
}

/** What takes the keys and holds everything: {node}. */
function makeBoard(page, match) {
  const { data, t, store } = page;
  const keys = steering[data.world.kind];
  const said = el("p", { class: "said you-large", "aria-live": "polite" });
  const rounds = el("p", { class: "you-rounds muted", "aria-live": "polite" });
  const go = el("button", { type: "button", class: "primary you-go", on: { click: () => { node.focus(); match.go(); } } });
  const speeds = SPEEDS.map((each) =>
    el("option", { value: each, selected: each === store.get("you.speed") }, t(`you.speed_${each * 100}`)));
  const speed = el("select", {
    "aria-label": t("you.speed"), class: "numbers-only",
    on: { change: (event) => { store.set({ "you.speed": Number(event.target.value) }); match.restart(); } },
  }, speeds);
  const pads = ["left", "right"].map((key) => pad(key, match, t));
  const you = makeSide(page, "you.you", el("div", { class: "you-pads" }, pads));
  const it = makeSide(page, "you.it");
  steerBy(you.stage, match);
  const start = el("p", { class: "muted numbers-only" });
  const node = el("div", { class: "you-board", tabindex: "0", role: "group", "aria-label": t("you.title"), on: keysOf(match) },
    el("div", { class: "row" }, go, said, rounds, speed),
    el("div", { class: "columns you-sides" }, you.node, it.node),
    el("p", { class: "muted" }, t(keys.idle === null ? "you.hint_stays" : "you.hint_idle")), start);
  match.onShow((game) => {
    const begun = game.phase !== "ready" && game.phase !== "armed";
    you.show(game.you, begun ? game.wanted() : null);
    it.show(game.it, game.it.action);
    for (const [part, text] of [[said, told(game, match.score, page)], [rounds, standing(match, t)]]) {
      if (part.textContent !== text) part.textContent = text;
    }
    go.textContent = t(game.phase === "over" && match.score.over() ? "you.go_done" : `you.go_${game.phase}`);
    go.classList.toggle("away", game.phase === "armed");
    start.textContent = t("you.start", { seed: match.seed() });
    pads.forEach((each, i) => each.classList.toggle("held", begun && game.wanted() === keys[["left", "right"][i]]));
  });
  return { node };
}

/** A button that steers as long as it is pressed, for those without arrow keys. */
function pad(key, match, t) {
  const hold = (event) => { event.preventDefault(); match.hold(key); };
  const release = () => match.release(key);
  return el("button", {
    type: "button", class: "you-pad", "aria-label": t(`you.${key}`),
    on: { pointerdown: hold, pointerup: release, pointerleave: release, pointercancel: release },
  }, key === "left" ? "←" : "→");
}

/** A finger on the left or right half of the picture steers too. */
function steerBy(stage, match) {
  let key = null;
  const release = () => {
    if (key !== null) match.release(key);
    key = null;
  };
  stage.classList.add("you-stage");
  stage.addEventListener("pointerdown", (event) => {
    const { left, width } = stage.getBoundingClientRect();
    key = event.clientX < left + width / 2 ? "left" : "right";
    match.hold(key);
  });
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) stage.addEventListener(name, release);
}

/** Keys count only while the board, or something on it, has the focus; when it loses the focus the game waits. */
function keysOf(match) {
  return {
    keydown(event) {
      if (event.target.tagName === "SELECT" || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === " " && event.target === event.currentTarget) match.go();
      else if (Object.hasOwn(KEYS, event.key)) {
        if (!event.repeat) match.hold(KEYS[event.key]);
      } else return;
      event.preventDefault();
    },
    keyup(event) {
      if (Object.hasOwn(KEYS, event.key)) match.release(KEYS[event.key]);
    },
    focusout(event) {
      if (!event.currentTarget.contains(event.relatedTarget)) match.pause();
    },
  };
}

/** How the round stands, in one sentence. */
function told(game, score, { t, num }) {
  if (game.phase !== "over") return t(`you.told_${game.phase}`);
  const result = t(`you.won_${game.winner()}`, { yours: num(game.you.total, 6), its: num(game.it.total, 6) });
  return score.over() ? `${result} ${t(`you.match_${score.winner()}`)}` : result;
}

/** Round 2 of 3, 1 : 0. */
function standing({ score, round }, t) {
  const counts = { you: score.wins("you"), it: score.wins("it") };
  return score.over() ? t("you.end", counts) : t("you.round", { ...counts, k: round() });
}

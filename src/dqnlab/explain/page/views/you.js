/** You against it: the same start, the same physics, your keys on one side and the best network on the other. */

import { makeClock } from "../world/clock.js";
import { el } from "../core/dom.js";
import { whyClosed } from "../core/naming.js";
import { makeGame, steering } from "../world/game.js";
import { features } from "../net/network.js";
import { makeStage } from "../world/stage.js";
import { stepsPerSecond, systemOf } from "../world/systems.js";

const WAIT = 3; // seconds before the first step
const SPEEDS = [1, 0.5, 0.25];
const KEYS = { ArrowLeft: "left", ArrowRight: "right" };

export function mountYou(root, page) {
  const why = lacking(page);
  if (why) {
    root.append(el("p", { class: "said" }, page.t(why, { env: page.data.run.env, why: whyClosed(page) })));
    return undefined;
  }
  page.store.declare("you.speed", 1);
  const match = makeMatch(page);
  const sides = { you: makeSide(page, "you.you"), it: makeSide(page, "you.it") };
  const board = makeBoard(page, match, sides);
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

/** The word that says why nobody can play here, or null. */
function lacking({ data, networks }) {
  if (!systemOf(data.world)) return "you.no_physics";
  if (!networks.best) return "you.no_network";
  if (!firstEpisode(data)) return "you.no_start";
  return firstEpisode(data).obs ? null : "decision.not_kept";
}

/** The recorded episode whose first state both begin in: the one that the page shows at first. */
function firstEpisode(data) {
  return data.episodes[data.labels?.longest ?? 0] ?? data.episodes[0];
}

function startOf({ data }) {
  const { obs, state } = firstEpisode(data);
  const system = systemOf(data.world);
  const first = (array) => array.data.slice(0, array.data.length / array.shape[0]);
  const seen = first(obs);
  return {
    system, params: data.world.params, seen, limit: data.settings.max_episode_steps,
    state: state ? first(state) : system.fromObs(seen.slice(-data.inputs.filter((input) => !input.ago).length)),
  };
}

/**
 * The game with its clock: {game(), go(), pause(), hold(key), release(key), show(), end(), onShow(fn)}.
 * `go()` is what the one large button does: start, pause, go on, play again.
 */
function makeMatch(page) {
  const { data, store } = page;
  const start = startOf(page);
  const rate = stepsPerSecond(data.world);
  const qValues = (obs) => page.networks.best.qValues(features(data.obs, obs));
  const speed = () => (SPEEDS.includes(store.get("you.speed")) ? store.get("you.speed") : 1);
  const fresh = () => makeGame({ start, keys: steering[data.world.kind], qValues, wait: Math.ceil(WAIT * rate * speed()) });
  const listeners = [];
  let game = fresh();
  let clock = makeClock(rate, () => {}, () => {});

  const show = () => listeners.forEach((listener) => listener(game, Math.ceil(game.countdown / (rate * speed()))));
  const tick = () => {
    game.tick();
    if (game.phase === "over") clock.stop();
  };
  const run = () => {
    clock = makeClock(rate * speed(), tick, show);
    clock.start();
  };
  const pause = () => {
    clock.stop();
    game.pause();
    show();
  };
  return {
    game: () => game,
    go() {
      if (game.phase === "countdown" || game.phase === "playing") return pause();
      if (game.phase === "over") game = fresh();
      if (game.phase === "ready") {
        game = fresh(); // the speed may have been changed since
        game.start();
      } else game.resume();
      run();
      return show();
    },
    restart() {
      clock.stop();
      game = fresh();
      show();
    },
    pause,
    hold: (key) => { game.hold(key); show(); },
    release: (key) => { game.release(key); show(); },
    show,
    onShow: (listener) => listeners.push(listener),
    end: () => clock.stop(),
  };
}

/** One of the two: {node, show(walk, action)}. */
function makeSide(page, name) {
  const { data, t, num } = page;
  const stage = makeStage(data.world);
  const said = el("p", { class: "number you-said" });
  return {
    node: el("div", { class: "card you-side" }, el("h3", {}, t(name)), stage.node, said),
    show(walk, action) {
      const text = t(walk.ended ? `you.${walk.ended}` : "you.now", { n: walk.steps, total: num(walk.total, 6) });
      said.textContent = text;
      stage.show(walk.state, { action: walk.ended ? null : action, label: `${t(name)}: ${text}` });
    },
  };
}

/** What takes the keys and holds everything: {node}. */
function makeBoard(page, match, sides) {
  const { data, t, store } = page;
  const said = el("p", { class: "said you-large", "aria-live": "polite" });
  const go = el("button", { type: "button", class: "primary", on: { click: () => { node.focus(); match.go(); } } });
  const again = el("button", { type: "button", on: { click: () => { node.focus(); match.restart(); } } }, t("you.restart"));
  const speeds = SPEEDS.map((each) =>
    el("option", { value: each, selected: each === store.get("you.speed") }, t(`you.speed_${each * 100}`)));
  const speed = el("select", {
    "aria-label": t("you.speed"),
    on: { change: (event) => { store.set({ "you.speed": Number(event.target.value) }); match.restart(); } },
  }, speeds);
  const pads = ["left", "right"].map((key) => pad(key, match, t));
  const hint = t(steering[data.world.kind].idle === null ? "you.hint_stays" : "you.hint_idle");
  const node = el("div", { class: "you-board", tabindex: "0", role: "group", "aria-label": t("you.title"), on: keysOf(match) },
    el("div", { class: "row" }, go, again, speed),
    said,
    el("div", { class: "columns" }, sides.you.node, sides.it.node),
    el("div", { class: "row you-pads" }, pads),
    el("p", { class: "muted" }, `${hint} ${t("you.start", { seed: firstEpisode(data).seed })}`));
  match.onShow((game, seconds) => {
    sides.you.show(game.you, game.phase === "ready" ? null : game.wanted());
    sides.it.show(game.it, game.it.action);
    const text = told(game, seconds, page);
    if (said.textContent !== text) said.textContent = text;
    go.textContent = t(`you.go_${game.phase}`);
    pads.forEach((each, i) => each.classList.toggle("held", game.wanted() === steering[data.world.kind][["left", "right"][i]]));
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

/** Keys count only while the board, or something on it, has the focus; when it loses the focus the game waits. */
function keysOf(match) {
  return {
    keydown(event) {
      if (event.target.tagName === "SELECT" || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === " " && event.target === event.currentTarget) match.go();
      else if (Object.hasOwn(KEYS, event.key)) match.hold(KEYS[event.key]);
      else return;
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

/** How the game stands, in one sentence. */
function told(game, seconds, { t, num }) {
  if (game.phase === "countdown") return t("you.countdown", { seconds });
  if (game.phase !== "over") return t(`you.told_${game.phase}`);
  const [yours, its] = [game.you.total, game.it.total];
  const key = yours > its ? "you.won" : yours < its ? "you.lost" : "you.equal";
  return t(key, { yours: num(yours, 6), its: num(its, 6) });
}

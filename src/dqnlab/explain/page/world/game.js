/*
 * You against the network: two walks from one start, moved on together by a clock outside.
 */

import { argmax } from "../net/network.js";
import { makeWalk } from "./walk.js";

/** Which action an arrow key means. `idle` is what no key means; null: the last one stays, for there is no neutral action. */
export const steering = {
  cartpole: { left: 0, right: 1, idle: null },
  mountaincar: { left: 0, right: 2, idle: 1 },
  acrobot: { left: 0, right: 2, idle: 1 },
};

/**
 * A game: {phase, countdown, you, it, wanted(), hold(key), release(key), tick(), start(), pause(), resume()}.
 * phase: "ready" -> "countdown" -> "playing" -> "over", or "paused" on the way. `tick()` is one step of the clock: it counts
 * down, or moves both walks one step. `start` is {system, params, state, seen, limit} of both walks, `keys` one of `steering`,
 * `qValues` the network, `wait` the ticks before the first step.
 */
export function makeGame({ start, keys, qValues, wait }) {
  let held = [];
  let last = keys.left;
  let before = "ready";

  const game = { phase: "ready", countdown: wait, you: makeWalk(start), it: makeWalk(start) };

  /** The action that the keys ask for: of two held keys the later one counts. */
  game.wanted = () => (held.length ? keys[held[held.length - 1]] : (keys.idle ?? last));
  game.hold = (key) => {
    if (!held.includes(key)) held.push(key);
    last = keys[key];
  };
  game.release = (key) => {
    held = held.filter((other) => other !== key);
    if (held.length) last = keys[held[held.length - 1]];
  };
  game.start = () => {
    if (game.phase === "ready") game.phase = "countdown";
  };
  game.pause = () => {
    if (game.phase !== "countdown" && game.phase !== "playing") return;
    before = game.phase;
    game.phase = "paused";
    held = [];
  };
  game.resume = () => {
    if (game.phase === "paused") game.phase = before;
  };
  game.tick = () => {
    if (game.phase === "countdown") {
      game.countdown -= 1;
      if (game.countdown <= 0) game.phase = "playing";
    } else if (game.phase === "playing") {
      game.you.advance(game.wanted());
      if (!game.it.ended) game.it.advance(argmax(qValues(game.it.obs)));
      if (game.you.ended && game.it.ended) game.phase = "over";
    }
    return game;
  };
  return game;
}

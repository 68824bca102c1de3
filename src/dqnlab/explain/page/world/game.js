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
 * A round: {phase, you, it, winner(), wanted(), hold(key), release(key), tick(), start(), pause()}.
 * phase: "ready" -> "armed" -> "playing" -> "over", or "paused" on the way. Nothing moves before the first key, which
 * begins the round and goes on after a pause. `tick()` is one step of the clock. When yours has ended the round is over:
 * what the network still would have done is played at once. `start` is {system, params, state, seen, limit} of both
 * walks, `keys` one of `steering`, `qValues` the network.
 */
export function makeGame({ start, keys, qValues }) {
  let held = [];
  let last = null;

  const game = { phase: "ready", you: makeWalk(start), it: makeWalk(start) };
  const follow = () => game.it.advance(argmax(qValues(game.it.obs)));

  /** The action that the keys ask for: of two held keys the later one counts. Null before the first one. */
  game.wanted = () => (held.length ? keys[held[held.length - 1]] : (keys.idle ?? last));
  game.hold = (key) => {
    if (game.phase === "over") return;
    if (!held.includes(key)) held.push(key);
    last = keys[key];
    game.phase = "playing";
  };
  game.release = (key) => {
    held = held.filter((other) => other !== key);
    if (held.length) last = keys[held[held.length - 1]];
  };
  game.start = () => {
    if (game.phase === "ready") game.phase = "armed";
  };
  game.pause = () => {
    held = [];
    if (game.phase === "playing") game.phase = "paused";
  };
  game.resume = () => {
    if (game.phase === "paused") game.phase = "playing";
  };
  game.tick = () => {
    if (game.phase !== "playing") return game;
    game.you.advance(game.wanted());
    follow();
    if (game.you.ended) {
      while (!game.it.ended) follow();
      game.phase = "over";
    }
    return game;
  };
  game.winner = () => (game.you.total === game.it.total ? "equal" : game.you.total > game.it.total ? "you" : "it");
  return game;
}

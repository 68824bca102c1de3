/*
 * A walk: an episode that the page itself plays by its physics, from any state on.
 */

/** Where an episode without a limit of its own is cut. */
export const LONGEST = 1000;

/** What a stacking network sees next: the oldest observation leaves, the newest comes last. */
function pushed(seen, obs) {
  const next = new Float32Array(seen.length);
  next.set(seen.subarray(obs.length));
  next.set(obs, seen.length - obs.length);
  return next;
}

/**
 * An episode under way: {state, obs, action, total, steps, ended, advance(action)}.
 * `seen` is the observation as the network takes it at the start (several in a row where they are stacked, the newest last);
 * `obs` of the walk is the same for the present moment. `action` is the last one taken. `ended` is null, then "terminated",
 * "truncated" (at `limit` steps) or "cut" (at LONGEST where there is no limit).
 */
export function makeWalk({ system, params, state, seen, limit }) {
  const walk = { state: Float64Array.from(state), obs: seen, action: null, total: 0, steps: 0, ended: null };
  walk.advance = (action) => {
    if (walk.ended) return walk;
    const next = system.step(walk.state, action, params);
    walk.state = next.state;
    walk.obs = pushed(walk.obs, system.observe(next.state, params));
    walk.action = action;
    walk.total += next.reward;
    walk.steps += 1;
    if (next.terminated) walk.ended = "terminated";
    else if (walk.steps >= (limit ?? LONGEST)) walk.ended = limit === null || limit === undefined ? "cut" : "truncated";
    return walk;
  };
  return walk;
}

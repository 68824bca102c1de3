/** What really came after each step of an episode, counted as Q-values count: to be held against what was expected. */

const found = new WeakMap();

/**
 * The discounted sum of the rewards from each step on, as an array, or null where it is no answer to a Q-value: the episode
 * was stopped rather than ended, gamma is not known, or the network learned other values than returns.
 */
export function outcomeOf(episode, { gamma, lowers, raises, reward_clip: clip }) {
  if (episode.ended !== "terminated" || !Number.isFinite(gamma) || lowers || raises || clip) return null;
  if (!found.has(episode)) {
    const rewards = episode.reward.data;
    const came = new Float64Array(rewards.length);
    for (let t = rewards.length - 1, sum = 0; t >= 0; t--) {
      sum = rewards[t] + gamma * sum;
      came[t] = sum;
    }
    found.set(episode, came);
  }
  return found.get(episode);
}

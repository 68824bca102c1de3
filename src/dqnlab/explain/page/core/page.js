/** What every view gets: the run's data, the shared moment, networks, words. */

import { row } from "./codec.js";
import { num } from "./i18n.js";
import { makeNetwork } from "../net/network.js";

/**
 * {data, store, t, num, lang, level: "story" or "numbers", networks: {best, online, target} or null each, moment(),
 * episode()}; the page's head adds `playback`, what plays the episode, or null where there is none.
 */
export function makePage(data, store, t, { lang, level }) {
  const networks = Object.fromEntries(
    ["best", "online", "target"].map((name) => [name, makeNetwork(data.networks?.[name])]));
  const episode = () => data.episodes[placeIn(store.get("ep"), data.episodes.length)];
  return { data, store, t, num, lang, level, networks, episode, moment: () => momentOf(episode(), store.get("t")) };
}

/**
 * One step of an episode: {episode, t, last: number of its last step, obs, action, reward, q: {best, …}, coin, state, memory}.
 * What was not recorded is null.
 */
export function momentOf(episode, wanted) {
  if (!episode) return null;
  const last = episode.action.data.length - 1;
  const t = placeIn(wanted, last + 1);
  const at = (array) => (array ? row(array, t) : null);
  const q = Object.fromEntries(Object.entries(episode.q).map(([name, values]) => [name, at(values)]));
  return {
    episode, t, last, q, obs: at(episode.obs), action: episode.action.data[t], reward: episode.reward.data[t],
    coin: episode.coin.data[t], state: at(episode.state),
    memory: at(episode.memory),
  };
}

/** A number, wherever it comes from, as the nearest place among `count`. */
export function placeIn(i, count) {
  return Math.min(Math.max(Math.trunc(i), 0), count - 1);
}

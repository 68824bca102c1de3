/** What is said of how sure a score is. */

import { num } from "./i18n.js";

/** The score's 95 % interval in words, or why there is none. */
export function interval({ low, high, episodes }, t) {
  if (low !== null && high !== null) return t("main.interval", { low: num(low, 4), high: num(high, 4) });
  return t(episodes === 1 ? "main.one_episode" : "main.no_spread");
}

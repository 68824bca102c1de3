/** What the three pages share: their words, their stream of news, and what they draw with. */

import { inflated } from "../core/codec.js";
import { clear, el } from "../core/dom.js";
import { LANGUAGES, makeWords, preferred } from "../core/i18n.js";

const read = (id) => document.getElementById(id).textContent;

export const about = JSON.parse(read("about"));
const words = inflated(read("words"));

/** The words in the language that the page is in now. */
export function wordsNow() {
  const lang = document.documentElement.dataset.lang ?? preferred();
  return makeWords(words, Object.hasOwn(LANGUAGES, lang) ? lang : "en");
}

/** Calls `show` now and whenever the report beside it has changed its language. */
export function inEachLanguage(show) {
  const follow = () => {
    document.documentElement.dataset.lang = document.documentElement.lang;
    show();
  };
  document.documentElement.lang = preferred();
  new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["lang"] });
  follow();
}

/** Opens a stream; heard: {kind: function of the news, arrays still packed}; lost(true) while there is no connection. */
export function hear(address, heard, lost) {
  const source = new EventSource(address);
  for (const [kind, take] of Object.entries(heard)) {
    source.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => lost(false));
  source.addEventListener("error", () => lost(true));
  return source;
}

const built = new Map(); // of each part of the page what it shows

/** Puts parts into the element of an id, unless it shows the same: nothing is replaced under a finger. */
export function fill(id, parts) {
  const made = el("div", {}, parts);
  const text = new XMLSerializer().serializeToString(made);
  if (built.get(id) === text) return;
  built.set(id, text);
  clear(document.getElementById(id)).append(...made.childNodes);
}

/** A number with commas. */
export const counted = (n) => Math.round(n).toLocaleString("en");

/** What is said of a verdict that has turned. */
export const turn = (t, { step, before, now }) => t("live.turned", {
  steps: counted(step), before: t(`health.kind.${before}.name`), now: t(`health.kind.${now}.name`),
});

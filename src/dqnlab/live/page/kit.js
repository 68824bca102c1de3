/** What the three pages share: their words, their stream of news, and orders to runs. */

import { inflated } from "../core/codec.js";
import { el } from "../core/dom.js";
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

/** Asks something of the run of this page; what came of it as text. */
export async function order(name, t) {
  try {
    const answer = await fetch("orders", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ order: name }),
    });
    if (answer.ok) return t("live.asked", { order: t(`live.${name}`) });
    return t("live.refused", { why: (await answer.json()).error ?? answer.status });
  } catch {
    return t("live.lost");
  }
}

/** Buttons for what can be asked: {paused, said(text)}; nothing where this address may only look. */
export function controls(t, { paused, said }) {
  if (!about.control) return el("span", { class: "muted" }, t("live.look_only"));
  const ask = async (name) => said(await order(name, t));
  const button = (name, more = {}) =>
    el("button", { type: "button", "data-order": name, ...more, on: { click: () => ask(name) } }, t(`live.${name}`));
  const stop = el("button", { type: "button", "data-order": "stop", class: "stop" }, t("live.stop"));
  stop.addEventListener("click", () => {
    if (stop.dataset.sure) {
      ask("stop");
      return;
    }
    stop.dataset.sure = "yes";
    stop.textContent = t("live.really");
    setTimeout(() => {
      delete stop.dataset.sure;
      stop.textContent = t("live.stop");
    }, 4000);
  });
  return el("span", { class: "orders", role: "group" },
    paused ? button("continue", { class: "primary" }) : button("pause"), button("step"), button("checkpoint"), stop);
}

/** A number with commas. */
export const counted = (n) => Math.round(n).toLocaleString("en");

/** What is said of a verdict that has turned. */
export const turn = (t, { step, before, now }) => t("live.turned", {
  steps: counted(step), before: t(`health.kind.${before}.name`), now: t(`health.kind.${now}.name`),
});

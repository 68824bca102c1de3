/** The first screen: the world at play, what every action is worth, and the timeline; all of it at the shared moment. */

import { clear, el } from "../core/dom.js";
import { actionClass, actionName } from "../core/naming.js";
import { sentences } from "../core/i18n.js";
import { features } from "../net/features.js";
import { momentOf } from "../core/page.js";
import { Picture } from "../world/picture.js";
import { SPEEDS } from "../world/playback.js";
import { makeReadings } from "../world/readings.js";
import { makeStrip, signals } from "../world/timeline.js";
import { makeValues } from "../world/values.js";

const LANES = ["value", "gap", "reward", "action"];
const NUMBERS = ["step", "action", "value", "gap", "reward", "earned"];
const SIDES = ["actions.left", "actions.right"];

export function mountWorld(root, page) {
  if (!page.playback) {
    root.append(el("p", { class: "said" }, page.t("world.none")));
    return undefined;
  }
  const view = new WorldView(root, page);
  return () => view.close();
}

/** The greedy action in every state of a lake, by the best network; null elsewhere. */
export function greedyPolicy({ data, networks }) {
  const states = data.obs.num_states;
  if (data.world.kind !== "frozenlake" || !states || !networks.best) return null;
  return Array.from({ length: states }, (_, state) => {
    const q = networks.best.qValues(features(data.obs, [state]));
    return q.indexOf(Math.max(...q));
  });
}

class WorldView {
  #page;
  #picture;
  #stage;
  #strip;
  #found;
  #parts;
  #values;
  #readings;
  #end = new AbortController();

  constructor(root, page) {
    this.#page = page;
    this.#picture = new Picture(page.data.world, greedyPolicy(page), page.t("world.unseen"));
    this.#values = makeValues(page);
    this.#readings = page.data.world.kind === "none" ? makeReadings(page) : null;
    this.#parts = {
      chooser: this.#chooser(), numbers: el("dl", { class: "world-numbers" }), holder: el("div", {}),
      note: el("p", { class: "muted world-note", "aria-live": "polite" }), at: el("span", { class: "muted" }),
      means: el("p", { class: "world-means" }),
      play: el("button", { type: "button", class: "primary world-play", on: { click: () => page.playback.toggle() } }),
    };
    this.#parts.more = this.#more();
    const { holder, note, means } = this.#parts;
    const controls = this.#controls();
    const empty = page.data.world.kind === "none" && !this.#readings;
    this.#stage = el("div", { class: `world-stage${empty ? " unseen-world" : ""}` },
      this.#readings?.node ?? this.#picture.node, el("div", { class: "world-said" }, this.#values.node, means));
    root.append(this.#stage, holder, controls, note, this.#parts.more);
    page.playback.on({ moment: (t) => this.#show(t), playing: () => this.#sayPlaying() });
    page.store.on(["ep"], () => this.#load());
    this.#load();
    this.#listen(root);
  }

  close() {
    this.#end.abort();
    this.#picture.close();
  }

  // ── What there is ───────────────────────────────────────────────────────────────────────────

  #chooser() {
    const { t, data, num, store } = this.#page;
    const go = (ep) => store.set({ ep, t: 0 });
    const name = (e, i) =>
      t(e.ended === "cut" ? "world.episode_cut" : "world.episode", { i: i + 1, ret: num(e.return, 4), n: e.length, ended: t(`world.${e.ended}`) });
    const select = el("select", { "aria-label": t("world.choose"), on: { change: () => go(Number(select.value)) } },
      data.episodes.map((e, i) => el("option", { value: i }, name(e, i))));
    const labels = ["usual", "longest", "worst", "best"].filter((label) => data.labels?.[label] !== undefined);
    const differ = new Set(labels.map((label) => data.labels[label])).size > 1;
    const buttons = labels.filter(() => differ).map((label) =>
      el("button", { type: "button", "data-ep": data.labels[label], on: { click: () => go(data.labels[label]) } },
        t(`world.${label}`)));
    return el("div", { class: "row world-chooser" }, select, buttons);
  }

  /** Everything else, behind a heading. */
  #more() {
    const { t, level, playback } = this.#page;
    const { chooser, numbers } = this.#parts;
    return el("details", {
      class: "world-more", open: level === "numbers", on: { toggle: () => this.#show(playback.t) },
    },
    el("summary", {}, t("world.more")), el("p", { class: "muted" }, t("world.lead")), chooser, numbers,
    el("p", { class: "muted", id: "world-keys" }, t("world.keys")));
  }

  #controls() {
    const { t, num, store, playback } = this.#page;
    const button = (key, sign, where, kind = null) => el("button", {
      type: "button", class: kind, "aria-label": t(key), title: t(key), on: { click: () => playback.seek(where()) },
    }, sign);
    const speed = el("select", {
      class: "world-speed", "aria-label": t("world.speed"),
      on: { change: () => store.set({ "world.speed": Number(speed.value) }) },
    }, SPEEDS.map((times) =>
      el("option", { value: times, selected: times === store.get("world.speed") }, `${num(times)}×`)));
    return el("div", { class: "row world-controls" }, this.#parts.play,
      button("world.start", "⇤", () => 0, "ends"), button("world.back", "←", () => playback.t - 1),
      button("world.forward", "→", () => playback.t + 1), button("world.finish", "⇥", () => playback.last, "ends"), speed,
      this.#parts.at);
  }

  /** What plays unasked stops when the reader goes on to what is below. */
  #listen(root) {
    const { playback } = this.#page;
    const { signal } = this.#end;
    const watcher = new IntersectionObserver((seen) => { if (!seen.at(-1).isIntersecting) playback.leave(); });
    watcher.observe(root);
    signal.addEventListener("abort", () => watcher.disconnect());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#picture.recolour(), { signal });
    this.#picture.canvas.addEventListener("keydown", (event) => playback.key(event));
  }

  // ── An episode ──────────────────────────────────────────────────────────────────────────────

  #load() {
    const { t, data, playback } = this.#page;
    const episode = this.#page.episode();
    this.#found = signals(episode, data.run.imported ? {} : data.settings);
    this.#strip = makeStrip({
      episode, found: this.#found, names: Object.fromEntries(LANES.map((name) => [name, t(`world.${name}`)])),
      label: t("world.strip"), onSeek: (step) => playback.seek(step),
    });
    this.#strip.node.addEventListener("keydown", (event) => playback.key(event));
    clear(this.#parts.holder).append(this.#strip.node);
    this.#sayMeaning(this.#values.load(episode));
    const index = data.episodes.indexOf(episode);
    this.#parts.chooser.querySelector("select").value = index;
    for (const button of this.#parts.chooser.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.ep) === index));
    }
    this.#picture.load(episode.frames);
    if (!this.#readings) this.#stage.style.setProperty("--picture", `${this.#picture.width}px`); // the values take what is left
    this.#show(playback.t);
    this.#sayPlaying();
  }

  /** What the bars mean, in a sentence or two. */
  #sayMeaning({ zoomed, base, actions }) {
    const { t, data, lang } = this.#page;
    const { raises, lowers } = data.settings;
    const sides = data.actions.length === 2 && data.actions.every((name, i) => name === SIDES[i]);
    const rest = data.actions.length - actions.length;
    const parts = [
      t(raises || lowers ? "world.means_soft" : "world.means"), t(sides ? "world.presses" : "world.takes"),
      zoomed ? t("world.zoomed") : base !== 0 ? t("world.not_from_zero") : null, rest > 0 ? t("world.others", { n: rest }) : null,
    ];
    this.#parts.means.textContent = parts.filter((part) => part !== null).join(lang === "en" ? " " : "");
  }

  #sayPlaying() {
    this.#parts.play.textContent = this.#page.t(this.#page.playback.playing ? "world.pause" : "world.play");
  }

  // ── A moment ────────────────────────────────────────────────────────────────────────────────

  #show(at) {
    const { t, num, playback } = this.#page;
    const moment = momentOf(this.#page.episode(), at);
    const found = (name, digits = 4) => num(this.#found[name][at], digits);
    const texts = {
      step: t("world.at", { t: at, last: playback.last }), action: actionName(this.#page, moment.action),
      value: found("value"), gap: found("gap", 3), reward: found("reward"), earned: found("earned"),
    };
    texts.all = t("world.said", texts);
    if (this.#found.came) texts.came = t("world.came", { came: found("came", 3) });
    this.#strip.point(at, texts);
    this.#values.show(moment.episode, at);
    this.#parts.at.textContent = t("world.step_at", { t: at, last: playback.last });
    this.#picture.canvas.setAttribute("aria-label", texts.all);
    if (this.#parts.more.open) this.#sayNumbers(moment.action, texts);
    const note = this.#note(moment);
    if (this.#parts.note.textContent !== note) this.#parts.note.textContent = note;
    this.#picture.paint(moment);
    this.#readings?.show(moment);
  }

  #sayNumbers(action, texts) {
    clear(this.#parts.numbers).append(...NUMBERS.map((name) => el("div", {},
      el("dt", { class: "muted" }, this.#page.t(`world.${name}`)),
      el("dd", { class: `number world-${name}` },
        name === "action" ? el("span", { class: `swatch ${actionClass(action)}`, "aria-hidden": "true" }) : null,
        texts[name]))));
  }

  /** How the episode ended, at its end; at any step that it was cut; and which step an image is of. */
  #note({ episode, t, last }) {
    const said = { n: (last + 1).toLocaleString("en"), ret: this.#page.num(episode.return, 4) };
    const notes = t === last ? [this.#page.t(`world.${episode.ended}_end`, said)] : [];
    if (t < last && episode.ended === "cut") notes.push(this.#page.t("world.cut_note", said));
    if (this.#picture.isFilm && !episode.frames) notes.unshift(this.#page.t("world.no_frames"));
    else if (this.#picture.isFilm && episode.frames.every > 1) {
      notes.unshift(this.#page.t("world.frame", { every: episode.frames.every }));
    }
    return sentences(notes, this.#page.lang);
  }
}

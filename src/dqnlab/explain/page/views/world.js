/** The world and a timeline: an episode of the best network, with all that can be told of each of its steps. */

import { clear, el } from "../core/dom.js";
import { actionClass, actionName } from "../core/naming.js";
import { features } from "../net/network.js";
import { momentOf } from "../core/page.js";
import { Picture } from "../world/picture.js";
import { Player } from "../world/player.js";
import { makeStrip, signals } from "../world/timeline.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const LANES = ["value", "gap", "reward", "action"];
const NUMBERS = ["step", "action", "value", "gap", "reward", "earned"];

export function mountWorld(root, page) {
  if (!page.data.episodes?.length) {
    root.append(el("p", { class: "said" }, page.t("world.none")));
    return undefined;
  }
  page.store.declare("world.speed", 1);
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
  #player;
  #strip;
  #found;
  #parts;
  #frame = 0;
  #end = new AbortController();

  constructor(root, page) {
    this.#page = page;
    this.#player = new Player((t) => this.#show(t), (t) => page.store.set({ t }));
    this.#picture = new Picture(page.data.world, greedyPolicy(page), page.t("world.unseen"));
    this.#parts = {
      chooser: this.#chooser(), numbers: el("dl", { class: "world-numbers" }), holder: el("div", {}),
      note: el("p", { class: "muted world-note", "aria-live": "polite" }), scrub: this.#scrub(),
      play: el("button", { type: "button", class: "primary world-play", on: { click: () => this.#toggle() } }),
    };
    const { chooser, numbers, holder, note, scrub } = this.#parts;
    root.append(chooser,
      el("div", { class: "world-stage" },
        el("div", { class: "card" }, this.#picture.node, note), el("div", { class: "card" }, numbers)),
      holder, scrub, this.#controls());
    this.#load();
    page.store.on(["ep"], () => this.#load());
    page.store.on(["t"], () => this.#follow());
    page.store.on(["world.speed"], () => this.#setPace());
    this.#listen();
  }

  close() {
    this.#player.playing = false;
    cancelAnimationFrame(this.#frame);
    this.#end.abort();
    this.#picture.close();
  }

  // ── What there is ───────────────────────────────────────────────────────────────────────────

  #chooser() {
    const { t, data, num, store } = this.#page;
    const go = (ep) => store.set({ ep, t: 0 });
    const name = (e, i) =>
      t("world.episode", { i: i + 1, ret: num(e.return, 4), n: e.length, ended: t(`world.${e.ended}`) });
    const select = el("select", { "aria-label": t("world.choose"), on: { change: () => go(Number(select.value)) } },
      data.episodes.map((e, i) => el("option", { value: i }, name(e, i))));
    const buttons = ["longest", "worst", "best"].filter((label) => data.labels?.[label] !== undefined).map((label) =>
      el("button", { type: "button", "data-ep": data.labels[label], on: { click: () => go(data.labels[label]) } },
        t(`world.${label}`)));
    return el("div", { class: "row world-chooser" }, select, buttons);
  }

  #scrub() {
    const scrub = el("input", {
      type: "range", min: 0, max: 1, step: 1, "aria-label": this.#page.t("world.scrub"), class: "world-scrub",
      on: { input: () => this.#seek(Number(scrub.value)) },
    });
    return scrub;
  }

  #controls() {
    const { t, num, store } = this.#page;
    const player = this.#player;
    const button = (key, sign, where) => el("button", {
      type: "button", "aria-label": t(key), title: t(key), on: { click: () => this.#seek(where()) },
    }, sign);
    const speed = el("select", {
      class: "world-speed", "aria-label": t("world.speed"),
      on: { change: () => store.set({ "world.speed": Number(speed.value) }) },
    }, SPEEDS.map((times) =>
      el("option", { value: times, selected: times === store.get("world.speed") }, `${num(times)}×`)));
    return el("div", { class: "row world-controls" }, this.#parts.play,
      button("world.start", "⇤", () => 0), button("world.back", "←", () => player.t - 1),
      button("world.forward", "→", () => player.t + 1), button("world.finish", "⇥", () => player.last), speed,
      el("span", { class: "muted", id: "world-keys" }, t("world.keys")));
  }

  #listen() {
    const { signal } = this.#end;
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    this.#player.calm = still.matches;
    still.addEventListener("change", () => { this.#player.calm = still.matches; }, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#picture.recolour(), { signal });
    this.#picture.canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { t, last } = this.#player;
    const to = {
      ArrowLeft: t - 1, ArrowRight: t + 1, PageDown: t - 10, PageUp: t + 10, Home: 0, End: last,
    }[event.key];
    if (event.key === " ") this.#toggle();
    else if (to !== undefined) this.#seek(to);
    else return;
    event.preventDefault();
  }

  // ── An episode ──────────────────────────────────────────────────────────────────────────────

  #load() {
    const { t, data } = this.#page;
    const episode = this.#page.episode();
    this.#player.playing = false;
    this.#player.last = episode.action.data.length - 1;
    this.#setPace();
    this.#found = signals(episode);
    this.#strip = makeStrip({
      episode, found: this.#found, names: Object.fromEntries(LANES.map((name) => [name, t(`world.${name}`)])),
      label: t("world.strip"), onSeek: (step) => this.#seek(step),
    });
    this.#strip.node.addEventListener("keydown", (event) => this.#key(event));
    clear(this.#parts.holder).append(this.#strip.node);
    this.#parts.scrub.max = this.#player.last;
    const index = data.episodes.indexOf(episode);
    this.#parts.chooser.querySelector("select").value = index;
    for (const button of this.#parts.chooser.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.ep) === index));
    }
    this.#picture.load(episode.frames);
    this.#follow();
  }

  #setPace() {
    const { params } = this.#page.data.world;
    const times = this.#page.store.get("world.speed");
    this.#player.pace = (params.fps ?? 30) * (SPEEDS.includes(times) ? times : 1);
  }

  #toggle() {
    if (this.#player.playing) this.#player.pause();
    else {
      this.#player.play();
      this.#frame = requestAnimationFrame((now) => this.#turn(now));
    }
    this.#sayPlaying();
  }

  #seek(t) {
    this.#player.seek(t);
    this.#sayPlaying();
  }

  #turn(now) {
    this.#player.tick(now);
    if (this.#player.playing) this.#frame = requestAnimationFrame((next) => this.#turn(next));
    this.#sayPlaying();
  }

  #sayPlaying() {
    this.#parts.play.textContent = this.#page.t(this.#player.playing ? "world.pause" : "world.play");
  }

  /** Goes where the page's moment is, unless it was this view that led it there. */
  #follow() {
    const { t } = this.#page.moment();
    if (this.#player.playing && t === this.#player.t) return;
    this.#player.playing = false;
    this.#player.t = t;
    this.#show(t);
    this.#sayPlaying();
  }

  // ── A moment ────────────────────────────────────────────────────────────────────────────────

  #show(at) {
    const { t, num, data } = this.#page;
    const moment = momentOf(this.#page.episode(), at);
    const found = (name, digits = 4) => num(this.#found[name][at], digits);
    const texts = {
      step: t("world.at", { t: at, last: this.#player.last }), action: actionName(this.#page, moment.action),
      value: found("value"), gap: found("gap", 3), reward: found("reward"), earned: found("earned"),
    };
    texts.all = t("world.said", texts);
    this.#strip.point(at, texts);
    this.#parts.scrub.value = at;
    this.#parts.scrub.setAttribute("aria-valuetext", texts.step);
    this.#picture.canvas.setAttribute("aria-label", texts.all);
    clear(this.#parts.numbers).append(...NUMBERS.flatMap((name) => [
      el("dt", { class: "muted" }, t(`world.${name}`)),
      el("dd", { class: `number world-${name}` },
        name === "action" ? el("span", { class: `swatch ${actionClass(moment.action)}`, "aria-hidden": "true" }) : null,
        texts[name]),
    ]));
    const note = this.#note(moment);
    if (this.#parts.note.textContent !== note) this.#parts.note.textContent = note;
    this.#picture.paint(moment);
  }

  /** How the episode ended, at its end; and which step an image is of. */
  #note({ episode, t, last }) {
    const notes = t === last ? [this.#page.t(`world.${episode.ended}_end`)] : [];
    if (this.#picture.isFilm && !episode.frames) notes.unshift(this.#page.t("world.no_frames"));
    else if (this.#picture.isFilm && episode.frames.every > 1) {
      notes.unshift(this.#page.t("world.frame", { every: episode.frames.every }));
    }
    return notes.join(" ");
  }
}

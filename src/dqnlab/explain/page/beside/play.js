/** Both agents in the same episode, on one clock: pictures, what they expect of each action, one timeline. */

import { bars } from "../core/charts.js";
import { row } from "../core/codec.js";
import { clear, el } from "../core/dom.js";
import { actionClass, actionName, listed, unlisted } from "../core/naming.js";
import { momentOf, placeIn } from "../core/page.js";
import { Picture } from "../world/picture.js";
import { Player } from "../world/player.js";
import { LETTERS, sideClass } from "./sides.js";
import { makeStrips } from "./strips.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const APART = 20; // times as wide as the other's is what makes a common axis useless

/** heads: what stands above each run's picture. Returns what ends it. */
export function mountPlay(root, page, heads) {
  const view = new Play(root, page, heads);
  return () => view.close();
}

class Play {
  #page;
  #sides;
  #player;
  #parts;
  #strips;
  #pair;
  #axes;
  #frame = 0;
  #end = new AbortController();

  constructor(root, page, heads) {
    this.#page = page;
    const { data, t } = page;
    this.#player = new Player((at) => this.#show(at), (at) => page.store.set({ t: at }));
    this.#sides = data.runs.map((run) => ({
      picture: new Picture(data.world, run.policy, t("world.unseen")),
      said: el("p", { class: "beside-said number" }), values: el("div", {}),
    }));
    this.#parts = {
      chooser: this.#chooser(), holder: el("div", {}), parting: el("p", { class: "beside-parting", "aria-live": "polite" }),
      scrub: el("input", {
        type: "range", min: 0, step: 1, class: "world-scrub", "aria-label": t("beside.scrub"),
        on: { input: () => this.#seek(Number(this.#parts.scrub.value)) },
      }),
      play: el("button", { type: "button", class: "primary world-play", on: { click: () => this.#toggle() } }),
      at: el("span", { class: "muted number" }),
      axes: el("p", { class: "muted", hidden: true }, t("beside.own_axis")),
    };
    root.append(
      el("div", { class: "beside-pair" }, this.#sides.map(({ picture, said, values }, side) =>
        el("div", { class: `card ${sideClass(side)}` }, heads[side], picture.node, said, values))),
      this.#controls(), this.#parts.holder, this.#parts.scrub, this.#parts.parting, this.#parts.chooser,
      el("p", { class: "muted beside-key" }, t("beside.values")), this.#parts.axes);
    this.#load();
    page.store.on(["ep"], () => this.#load());
    page.store.on(["t"], () => this.#follow());
    page.store.on(["speed"], () => this.#setPace());
    this.#listen();
    if (!this.#player.calm && page.store.get("t") === 0) this.#toggle();
  }

  close() {
    this.#player.playing = false;
    cancelAnimationFrame(this.#frame);
    this.#end.abort();
    this.#sides.forEach(({ picture }) => picture.close());
  }

  #chooser() {
    const { data, t, num, store } = this.#page;
    const labels = Object.entries(data.labels);
    const name = (label) => (label === "first" ? t("beside.first") : t("beside.leads", { name: LETTERS[label === "one" ? 0 : 1] }));
    return el("div", { class: "row", role: "group", "aria-label": t("beside.starts") }, data.episodes.map(({ sides }, i) => {
      const said = labels.filter(([, place]) => place === i).map(([label]) => name(label));
      return el("button", { type: "button", "data-ep": i, on: { click: () => store.set({ ep: i, t: 0 }) } },
        `${t("beside.start", { i: i + 1 })}: ${sides.map((each) => num(each.return, 4)).join(" · ")}`,
        said.length ? el("span", { class: "beside-label" }, said.join(", ")) : null);
    }));
  }

  #controls() {
    const { t, num, store } = this.#page;
    const button = (key, sign, by) => el("button", {
      type: "button", "aria-label": t(key), title: t(key), on: { click: () => this.#seek(this.#player.t + by) },
    }, sign);
    const speed = el("select", { "aria-label": t("beside.speed"), on: { change: () => store.set({ speed: Number(speed.value) }) } },
      SPEEDS.map((times) => el("option", { value: times, selected: times === store.get("speed") }, `${num(times)}×`)));
    this.#parts.jump = el("button", { type: "button", class: "beside-jump", on: { click: () => this.#seek(this.#pair.parting) } });
    return el("div", { class: "row world-controls" }, this.#parts.play, button("beside.back", "←", -1),
      button("beside.forward", "→", 1), speed, this.#parts.jump, this.#parts.at);
  }

  #listen() {
    const { signal } = this.#end;
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    this.#player.calm = still.matches;
    still.addEventListener("change", () => { this.#player.calm = still.matches; }, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#sides.forEach(({ picture }) => picture.recolour());
    }, { signal });
    for (const { picture } of this.#sides) picture.canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { t, last } = this.#player;
    const to = { ArrowLeft: t - 1, ArrowRight: t + 1, PageDown: t - 10, PageUp: t + 10, Home: 0, End: last }[event.key];
    if (event.key === " ") this.#toggle();
    else if (to !== undefined) this.#seek(to);
    else return;
    event.preventDefault();
  }

  // ── An episode ──────────────────────────────────────────────────────────────────────────────

  #load() {
    const { data, t, store } = this.#page;
    const place = placeIn(store.get("ep"), data.episodes.length);
    this.#pair = data.episodes[place];
    this.#player.playing = false;
    this.#player.last = Math.max(...this.#pair.sides.map((each) => each.length)) - 1;
    this.#setPace();
    this.#axes = axes(this.#pair.sides.map(reach));
    this.#parts.axes.hidden = this.#axes[0] === this.#axes[1];
    this.#sides.forEach(({ picture }, side) => picture.load(this.#pair.sides[side].frames));
    this.#strips = makeStrips(this.#page, this.#pair, (step) => this.#seek(step));
    this.#strips.node.addEventListener("keydown", (event) => this.#key(event));
    clear(this.#parts.holder).append(this.#strips.node);
    this.#parts.scrub.max = this.#player.last;
    for (const button of this.#parts.chooser.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.ep) === place));
    }
    const { parting } = this.#pair;
    this.#parts.jump.hidden = parting === null;
    this.#parts.jump.textContent = parting === null ? "" : t("beside.parting", { t: parting });
    this.#parts.parting.textContent = this.#parted();
    this.#follow();
  }

  /** Where they part, in words. */
  #parted() {
    const { t } = this.#page;
    const { parting, repeats, sides } = this.#pair;
    if (!repeats) return t("beside.drifted");
    if (parting === null) return t("beside.together");
    const [a, b] = sides.map(({ action }) => actionName(this.#page, action.data[parting]));
    return t("beside.parted", { t: parting, one: LETTERS[0], other: LETTERS[1], a, b });
  }

  #setPace() {
    const { data, store } = this.#page;
    const times = store.get("speed");
    this.#player.pace = (data.world.params.fps ?? 30) * (SPEEDS.includes(times) ? times : 1);
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
    this.#parts.play.textContent = this.#page.t(this.#player.playing ? "beside.pause" : "beside.play");
  }

  /** Goes where the page's moment is, unless it was this view that led it there. */
  #follow() {
    const t = placeIn(this.#page.store.get("t"), this.#player.last + 1);
    if (this.#player.playing && t === this.#player.t) return;
    this.#player.playing = false;
    this.#player.t = t;
    this.#show(t);
    this.#sayPlaying();
  }

  // ── A moment ────────────────────────────────────────────────────────────────────────────────

  #show(at) {
    const { t } = this.#page;
    this.#pair.sides.forEach((episode, side) => this.#showSide(episode, side, at));
    const text = t("beside.at", { t: at, last: this.#player.last });
    this.#parts.at.textContent = text;
    this.#parts.scrub.value = at;
    this.#parts.scrub.setAttribute("aria-valuetext", text);
    this.#strips.point(at, text);
  }

  #showSide(episode, side, at) {
    const { picture, said, values } = this.#sides[side];
    const { t, num } = this.#page;
    const moment = momentOf(episode, at);
    const over = at > moment.last;
    picture.node.classList.toggle("beside-over", over);
    picture.paint(moment);
    const text = over
      ? t("beside.over", { t: moment.last, how: t(`world.${episode.ended}`), ret: num(episode.return, 4) })
      : t("beside.earned", { earned: num(this.#strips.earned(side, moment.t), 4) });
    picture.canvas.setAttribute("aria-label", `${LETTERS[side]}: ${text}`);
    said.textContent = text;
    clear(values).append(...this.#bars(moment, side, over));
  }

  /** What a network expects of every action, the one that it takes marked. */
  #bars({ q: { best: q }, action }, side, over) {
    const shown = listed([q], [action]);
    const rest = unlisted(this.#page, shown, q.length);
    const drawn = bars(shown.map((a) => ({
      label: `${a === action ? "▸ " : ""}${actionName(this.#page, a)}`, value: q[a], class: actionClass(a),
      said: q[a] === -Infinity ? this.#page.t("beside.forbidden") : null,
    })), this.#axes[side]);
    drawn.classList.toggle("beside-over", over);
    drawn.children[shown.indexOf(action)]?.classList.add("chosen");
    return [drawn, ...(rest === null ? [] : [el("p", { class: "muted" }, rest)])];
  }
}

/** The smallest and largest value of an episode, and zero. */
function reach(episode) {
  let [low, high] = [0, 0];
  for (let step = 0; step < episode.length; step++) {
    for (const value of row(episode.q.best, step)) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return { low, high: high === low ? low + 1 : high };
}

/** The axis of each: the same one, unless that would leave one of them nothing to be seen. */
function axes(reaches) {
  const spans = reaches.map(({ low, high }) => high - low);
  if (Math.max(...spans) > APART * Math.min(...spans)) return reaches;
  const both = { low: Math.min(...reaches.map(({ low }) => low)), high: Math.max(...reaches.map(({ high }) => high)) };
  return [both, both];
}

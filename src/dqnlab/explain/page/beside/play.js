/** Both agents in the same episode, on one clock: pictures, what they expect of each action, one timeline. */

import { clear, el } from "../core/dom.js";
import { actionName } from "../core/naming.js";
import { momentOf, placeIn } from "../core/page.js";
import { DRAWN, shape } from "../world/drawings.js";
import { Picture } from "../world/picture.js";
import { Playback, SPEEDS } from "../world/playback.js";
import { makeValues } from "../world/values.js";
import { LETTERS, sideClass } from "./sides.js";
import { makeStrips } from "./strips.js";

const LARGEST = { width: 360, height: 200 }; // pixels of a picture: both, their values and the timeline fit one screen

/** heads: what stands above each run's picture. Returns what ends it. */
export function mountPlay(root, page, heads) {
  const view = new Play(root, page, heads);
  return () => view.close();
}

class Play {
  #page;
  #sides;
  #playback;
  #parts;
  #strips;
  #pair;
  #end = new AbortController();

  constructor(root, page, heads) {
    this.#page = page;
    const { data, t } = page;
    this.#pair = this.#chosen();
    this.#playback = new Playback(data, page.store, () => longer(this.#chosen()));
    this.#sides = data.runs.map((run) => ({
      picture: new Picture(data.world, run.policy, t("world.unseen")),
      said: el("p", { class: "beside-said" }), values: makeValues(page),
    }));
    this.#parts = {
      chooser: this.#chooser(), holder: el("div", {}), parting: el("p", { class: "beside-parting", "aria-live": "polite" }),
      play: el("button", { type: "button", class: "primary world-play", on: { click: () => this.#playback.toggle() } }),
      jump: el("button", { type: "button", class: "beside-jump", on: { click: () => this.#playback.seek(this.#pair.parting) } }),
      at: el("span", { class: "muted" }), zoomed: el("span", {}),
    };
    root.append(
      el("div", { class: "beside-pair" }, this.#sides.map(({ picture, said, values }, side) =>
        el("div", { class: `card ${sideClass(side)}` }, heads[side], picture.node, said, values.node))),
      this.#controls(), this.#parts.holder, this.#parts.parting, this.#parts.chooser,
      el("p", { class: "muted" }, t("beside.values"), " ", this.#parts.zoomed));
    this.#load();
    page.store.on(["ep"], () => this.#load());
    this.#playback.on({ moment: (at) => this.#show(at), playing: () => this.#sayPlaying() });
    for (const { picture } of this.#sides) picture.canvas.addEventListener("keydown", (event) => this.#playback.key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#sides.forEach(({ picture }) => picture.recolour());
    }, { signal: this.#end.signal });
    this.#playback.begin();
    this.#sayPlaying();
  }

  close() {
    this.#playback.close();
    this.#end.abort();
    this.#sides.forEach(({ picture }) => picture.close());
  }

  #chosen() {
    const { data, store } = this.#page;
    return data.episodes[placeIn(store.get("ep"), data.episodes.length)];
  }

  #chooser() {
    const { data, t, num, store } = this.#page;
    const name = (label) => (label === "first" ? t("beside.first") : t("beside.leads", { name: LETTERS[label === "one" ? 0 : 1] }));
    return el("div", { class: "row", role: "group", "aria-label": t("beside.starts") }, data.episodes.map(({ sides }, i) => {
      const labels = Object.entries(data.labels).filter(([, place]) => place === i).map(([label]) => name(label));
      return el("button", { type: "button", "data-ep": i, on: { click: () => store.set({ ep: i, t: 0 }) } },
        `${t("beside.start", { i: i + 1 })}: ${sides.map((each) => num(each.return, 4)).join(" · ")}`,
        labels.length ? el("span", { class: "beside-label" }, labels.join(", ")) : null);
    }));
  }

  #controls() {
    const { t, num, store } = this.#page;
    const button = (key, sign, by) => el("button", {
      type: "button", "aria-label": t(key), title: t(key), on: { click: () => this.#playback.seek(this.#playback.t + by) },
    }, sign);
    const speed = el("select", {
      "aria-label": t("world.speed"), on: { change: () => store.set({ "world.speed": Number(speed.value) }) },
    }, SPEEDS.map((times) => el("option", { value: times, selected: times === store.get("world.speed") }, `${num(times)}×`)));
    return el("div", { class: "row beside-controls" }, this.#parts.play, button("world.back", "←", -1),
      button("world.forward", "→", 1), speed, this.#parts.jump, this.#parts.at);
  }

  // ── An episode ──────────────────────────────────────────────────────────────────────────────

  #load() {
    const { data, t } = this.#page;
    this.#pair = this.#chosen();
    const { sides, parting } = this.#pair;
    const scales = this.#sides.map(({ picture, values }, side) => {
      picture.load(sides[side].frames);
      picture.node.style.maxWidth = `${Math.min(LARGEST.width, LARGEST.height * ratio(data.world, sides[side].frames))}px`;
      return values.load(sides[side]);
    });
    this.#parts.zoomed.textContent = scales.some(({ zoomed }) => zoomed) ? t("world.zoomed") : "";
    this.#strips = makeStrips(this.#page, this.#pair, (step) => this.#playback.seek(step));
    this.#strips.node.addEventListener("keydown", (event) => this.#playback.key(event));
    clear(this.#parts.holder).append(this.#strips.node);
    for (const button of this.#parts.chooser.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(data.episodes[button.dataset.ep] === this.#pair));
    }
    this.#parts.jump.hidden = parting === null;
    this.#parts.jump.textContent = parting === null ? "" : t("beside.parting", { t: parting });
    this.#parts.parting.textContent = this.#parted();
    this.#show(this.#playback.t);
  }

  /** Where they part, in words. */
  #parted() {
    const { t } = this.#page;
    const { parting, repeats, sides } = this.#pair;
    if (parting === null) return t(repeats ? "beside.together" : "beside.drifted_alike");
    if (!repeats) return t("beside.drifted", { t: parting });
    const [a, b] = sides.map(({ action }) => actionName(this.#page, action.data[parting]));
    return t(parting === 0 ? "beside.parted_at_once" : "beside.parted", { t: parting, one: LETTERS[0], other: LETTERS[1], a, b });
  }

  #sayPlaying() {
    this.#parts.play.textContent = this.#page.t(this.#playback.playing ? "world.pause" : "world.play");
  }

  // ── A moment ────────────────────────────────────────────────────────────────────────────────

  #show(at) {
    this.#pair.sides.forEach((episode, side) => this.#showSide(episode, side, at));
    const text = this.#page.t("beside.at", { t: at, last: this.#playback.last });
    this.#parts.at.textContent = text;
    this.#strips.point(at, text);
  }

  #showSide(episode, side, at) {
    const { picture, said, values } = this.#sides[side];
    const { t, num } = this.#page;
    const moment = momentOf(episode, at);
    const over = at > moment.last;
    for (const node of [picture.node, values.node]) node.classList.toggle("beside-over", over);
    picture.paint(moment);
    values.show(episode, moment.t);
    const text = over
      ? t("beside.over", { t: moment.last, how: t(`world.${episode.ended}`), ret: num(episode.return, 4) })
      : t("beside.earned", { earned: num(this.#strips.earned(side, moment.t), 4) });
    picture.canvas.setAttribute("aria-label", `${LETTERS[side]}: ${text}`);
    said.textContent = text;
  }
}

/** Width over height of a picture. */
const ratio = (world, frames) => (DRAWN.includes(world.kind) ? shape(world) : frames ? frames.width / frames.height : 2);

const longer = ({ sides }) => (sides[1].length > sides[0].length ? sides[1] : sides[0]);

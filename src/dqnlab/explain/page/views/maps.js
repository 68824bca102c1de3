/** Two maps, what the network would do and what it expects, and a film of how they formed. */

import { clear, el, perFrame } from "../core/dom.js";
import { sentences } from "../core/i18n.js";
import { atStates, grid, sideFor } from "../net/grid.js";
import { actionLegend, heldWords, inWords, named, pointWords, valueLegend } from "../maps/legends.js";
import { inputName, leftOut, stateNumber, whyClosed } from "../core/naming.js";
import { placeIn } from "../core/page.js";
import { featureOf, features, maskOf, partOf, statesOf } from "../net/features.js";
import { makeNetwork } from "../net/network.js";
import { axisChoices, tick } from "../maps/choices.js";
import { makeFilm } from "../maps/film.js";
import { actionColours, faded, paintPlane, picture, valueColour } from "../maps/paint.js";
import { axesOf, facts, isDownward, limits, middles, nearestMoment, nextVisit, usualAxes, visited, visits, whyNoMap } from "../maps/planes.js";
import { known, overFilm, reached } from "../maps/reach.js";
import { isOver, layout, paintStates, stateAt } from "../maps/states.js";

const HALF = 0.5; // known less than that is a guess
const PAUSE = 250; // milliseconds between maps while the moment runs

export function mountMaps(root, page) {
  const why = whyNoMap(page);
  if (why) {
    root.append(el("p", { class: "closed" }, page.t(why, { why: whyClosed(page) })));
    return null;
  }
  const view = new Maps(root, page);
  return () => view.close();
}

class Maps {
  constructor(root, page) {
    Object.assign(this, { page, states: statesOf(page.data.obs), grids: new Map(), timer: null });
    this.nets = [...page.data.snapshots.map(makeNetwork), page.networks.best];
    this.places = axesOf(page);
    const [x = 0, y = 1] = usualAxes(page);
    const { store } = page;
    store.declare("map.x", x);
    store.declare("map.y", y);
    store.declare("map.snap", this.nets.length - 1);
    store.declare("map.visited", 1);
    store.declare("map.whole", 0);
    this.range = overFilm(page, this.nets, this.over);
    this.build(root);
    this.soon = perFrame(() => this.paint());
    store.on(["map.x", "map.y", "map.snap", "map.visited"], () => this.soon());
    store.on(["map.whole"], () => {
      this.grids.clear();
      this.soon();
    });
    store.on(["ep", "t"], () => this.moved());
    this.resized = new ResizeObserver(() => this.soon());
    this.resized.observe(this.maps[0].canvas);
    this.paint();
  }

  close() {
    this.soon.cancel();
    this.resized.disconnect();
    clearTimeout(this.timer);
    this.film?.stop();
  }

  // ── What is chosen ──

  get axes() {
    const { places, page } = this;
    const [x, y] = ["map.x", "map.y"].map((key) => places.findLast((place) => place <= page.store.get(key)) ?? places[0]);
    return x === y ? [x, places[(places.indexOf(x) + 1) % places.length]] : [x, y];
  }

  /** Whether a state is one in which the network is never asked. */
  get over() {
    return this.states ? (state) => isOver(layout(this.page), state) : undefined;
  }

  /** The part of an input that the maps show: where the agent goes, or all that is known of it. */
  limits(input) {
    return (this.page.store.get("map.whole") ? limits : reached)(this.page, input);
  }

  /** The limits of both axes, the upright one from bottom to top. */
  sides() {
    const [i, j] = this.axes;
    const up = this.limits(j);
    return [this.limits(i), isDownward(this.page, j) ? [up[1], up[0]] : up];
  }

  get snap() {
    return placeIn(this.page.store.get("map.snap"), this.nets.length);
  }

  snapText() {
    const { data, t } = this.page;
    if (this.snap === this.nets.length - 1) return t("maps.best");
    return t("maps.after", { steps: data.snapshots[this.snap].step.toLocaleString("en") });
  }

  /** The moment moves on: its mark at once, the maps themselves not at every step while it runs. */
  moved() {
    const { data, moment } = this.page;
    if (this.states) this.soon();
    else this.mark();
    if (data.obs.mask === null && (this.states || moment().obs.length === 2)) return; // nothing else is held
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.grids.clear();
      this.paint();
    }, PAUSE);
  }

  // ── What stands on the page ──

  build(root) {
    const { page } = this;
    const { t } = page;
    this.maps = ["policy", "value"].map((kind) => this.makeMap(kind));
    this.held = el("p", { class: "muted maps-held numbers-only" });
    this.readout = el("p", { class: "muted maps-readout", "aria-live": "off" }, t("maps.hover"));
    const last = this.nets.length - 1;
    this.film = last > 0 ? makeFilm(page, { last, snap: () => this.snap, text: () => this.snapText() }) : null;
    const planes = this.states ? [] : [...axisChoices(page, () => this.axes, this.places), tick(page, "map.whole", "maps.whole")];
    root.append(
      el("div", { class: "row maps-choices numbers-only" }, planes, tick(page, "map.visited", "maps.visited")),
      ...(this.film ? [this.film.node] : []),
      this.readout,
      el("div", { class: "columns" }, this.maps.map(({ figure }) => figure)),
      el("p", { class: "maps-guess muted" }, sentences([t("maps.guess"), ...leftOut(page)], page.lang)), this.held);
  }

  makeMap(kind) {
    const canvas = el("canvas", { class: "maps-canvas", role: "img", tabindex: 0 });
    canvas.addEventListener("click", (event) => this.pick(event));
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("keydown", (event) => this.walk(event));
    const mark = this.states ? null : el("span", { class: "maps-mark", "aria-hidden": "true" });
    const legend = el("div", { class: "row maps-legend" });
    const figure = el("figure", { class: "card maps-figure", "data-map": kind },
      el("figcaption", {},
        el("strong", {}, this.page.t(`maps.${kind}`)), el("span", { class: "muted" }, this.page.t(`maps.${kind}_colours`))),
      el("div", { class: "maps-stage" }, canvas, mark), legend);
    return { kind, canvas, mark, legend, figure };
  }

  // ── Pictures ──

  /** The values of the chosen snapshot on the chosen plane, from the cache if they are there. */
  values() {
    const { page, snap } = this;
    const { layers } = this.nets[snap];
    const key = this.states ? `${snap}` : `${snap} ${this.axes}`;
    const asked = () => (this.states ? atStates(layers, this.states.count, maskOf(page.data.obs, page.moment().obs)) : this.plane(layers));
    if (!this.grids.has(key)) this.grids.set(key, asked());
    return this.grids.get(key);
  }

  plane(layers) {
    const spec = this.page.data.obs;
    const { obs } = this.page.moment();
    const side = sideFor(layers);
    const along = (place, limits) => middles(limits, side).map((value) => value / partOf(spec, place).scale); // as `features` does
    const [i, j] = this.axes;
    const [across, up] = this.sides();
    const plane = { i: featureOf(spec, i), j: featureOf(spec, j), xs: along(i, across), ys: along(j, up).reverse() };
    return { ...grid(layers, features(spec, obs), plane, maskOf(spec, obs)), side };
  }

  paint() {
    const { page } = this;
    const values = this.values();
    const said = facts(values, page.data.actions.length, this.beyond(values));
    const colours = this.colours(values);
    if (this.states) this.paintStates(values, colours);
    else this.paintPlanes(values, colours);
    for (const { kind, canvas, legend } of this.maps) {
      canvas.setAttribute("aria-label", inWords(page, kind, said, this.snapText()));
      clear(legend).append(...(kind === "policy" ? actionLegend(page, said) : valueLegend(page, this.range)));
    }
    this.film?.show();
    this.held.textContent = this.states ? "" : heldWords(page, this.axes, page.moment().obs);
  }

  /** Of every point, on one scale over the whole film, faded where the agent never went. */
  colours({ action, gap, value, side }) {
    const own = actionColours(this.page.data.actions.length);
    const { low, high, wide } = this.range;
    const fade = faded(this.states ? visits(this.page).map((times) => Math.min(times, 1)) : this.known(side));
    return {
      policy: (k) => fade(own(action[k], gap[k], wide), k),
      value: (k) => fade(valueColour((value[k] - low) / (high - low || 1)), k),
    };
  }

  /** What the shares do not count: where an episode is over, and what is faded by more than half. */
  beyond({ action, side }) {
    const over = this.over ?? (() => false);
    const been = this.states ? visits(this.page) : this.known(side);
    const faint = (at) => over(at) || been[at] < HALF;
    return [...action.keys()].every(faint) ? over : faint;
  }

  known(side) {
    const [i, j] = this.axes;
    const key = `known ${this.axes}`;
    if (!this.grids.has(key)) this.grids.set(key, known(visited(this.page, i, j), ...this.sides(), side));
    return this.grids.get(key);
  }

  paintPlanes(values, colours) {
    const { page } = this;
    const [i, j] = this.axes;
    const [xLimits, yLimits] = this.sides();
    const common = {
      xLimits, yLimits, names: this.axes.map((k) => named(page, k)),
      moments: page.store.get("map.visited") ? visited(page, i, j) : [],
    };
    for (const { kind, canvas } of this.maps) {
      this.frame = paintPlane(canvas, { ...common, image: picture(values.side, colours[kind]) });
    }
    this.mark();
  }

  /** The ring around the present moment. */
  mark() {
    const { obs } = this.page.moment();
    const [i, j] = this.axes;
    for (const { mark } of this.maps) {
      mark.style.left = `${this.frame.x(obs[i])}px`;
      mark.style.top = `${this.frame.y(obs[j])}px`;
    }
  }

  paintStates(values, colours) {
    const { page } = this;
    for (const { kind, canvas } of this.maps) {
      paintStates(canvas, {
        plan: layout(page), count: this.states.count, colourOf: colours[kind], actions: values.action,
        values: kind === "value" ? values.value : null, here: page.moment().obs[0] - this.states.lowest,
        visits: page.store.get("map.visited") ? visits(page) : null,
      });
    }
  }

  // ── Pointing ──

  pick(event) {
    const { page } = this;
    const found = this.states
      ? nextVisit(page, this.state(event), page.store.get("ep"), page.store.get("t"))
      : nearestMoment(visited(page, ...this.axes), this.frame.point(event.offsetX, event.offsetY), this.frame.xs, this.frame.ys);
    if (found) page.store.set({ ep: found.ep, t: found.t });
  }

  state({ target, offsetX, offsetY }) {
    return stateAt(target, layout(this.page), this.states.count, offsetX, offsetY);
  }

  hover(event) {
    const { page } = this;
    const values = this.values();
    if (this.states) {
      const state = this.state(event);
      if (state !== null) this.readout.textContent = pointWords(page, page.t("inside.state", { state: stateNumber(page.data, this.states.lowest + state) }), values, state);
      return;
    }
    const { frame } = this;
    const [x, y] = frame.point(event.offsetX, event.offsetY);
    const column = Math.floor(((event.offsetX - frame.left) / frame.across) * values.side);
    const line = Math.floor(((event.offsetY - frame.top) / frame.up) * values.side);
    if (Math.min(column, line) < 0 || Math.max(column, line) >= values.side) return;
    const where = [x, y].map((value, k) => `${inputName(page, this.axes[k])} ${page.num(value)}`).join(", ");
    this.readout.textContent = pointWords(page, where, values, line * values.side + column);
  }

  /** Arrow keys on a map go to the moment before and after. */
  walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const { t, last } = this.page.moment();
    this.page.store.set({ t: Math.min(Math.max(t + step, 0), last) });
    event.preventDefault();
  }
}

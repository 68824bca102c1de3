/** Inside the best network: every unit at this moment, how each comes to its number, and which inputs mattered. */

import { attribute, folded, STEPS } from "../net/attribution.js";
import { bars } from "../core/charts.js";
import { row } from "../core/codec.js";
import { clear, el, perFrame } from "../core/dom.js";
import { sentences } from "../core/i18n.js";
import { actionClass, actionName, featureName, leftOut, whyClosed } from "../core/naming.js";
import { features, maskOf, masked, originOf } from "../net/features.js";
import { argmax } from "../net/network.js";
import { css, shade, shades } from "../maps/paint.js";
import { mountMemory } from "./memory.js";
import { hasLooks, mountLooks } from "./looks.js";
import { told } from "./ratings.js";
import { dotProduct, findDead } from "../net/units.js";

const MOST_UNITS = 256; // drawn in one layer
const MOST_TERMS = 8;
const PAUSE = 200; // milliseconds between attributions while the moment runs

/** The word that says why there is nothing to look into, or null. */
function lacking({ networks, moment }) {
  if (!networks.best) return "inside.no_network";
  if (!moment()) return "inside.nothing";
  return moment().obs ? null : "decision.not_kept";
}

export function mountInside(root, page) {
  if (!page.networks.best && page.moment() && hasLooks(page)) return mountLooks(root, page);
  const why = lacking(page);
  if (why) {
    root.append(el("p", { class: "closed" }, page.t(why, { why: whyClosed(page) })));
    return page.moment()?.memory ? mountMemory(root, page) : null;
  }
  const view = new Inside(root, page);
  return () => view.close();
}

class Inside {
  constructor(root, page) {
    Object.assign(this, { page, network: page.networks.best, pointed: null, timer: null, opened: false });
    this.dead = findDead(this.network, recorded(page));
    page.store.declare("inside.unit", "");
    this.build(root);
    this.soon = perFrame(() => this.draw());
    page.store.on(["ep", "t"], () => this.moved());
    page.store.on(["inside.unit"], () => this.choose());
    this.draw();
    this.drawMattered();
  }

  close() {
    this.soon.cancel();
    clearTimeout(this.timer);
  }

  // ── Where a unit is ──

  get depth() {
    return this.network.layers.length;
  }

  /** [layer, unit] that the reader chose, or null. Layer 0 is the first that computes something. */
  get chosen() {
    const found = /^(\d{1,2})\.(\d{1,4})$/.exec(String(this.page.store.get("inside.unit")));
    if (!found) return null;
    const [layer, unit] = [Number(found[1]), Number(found[2])];
    return layer < this.depth && unit < this.cells[layer].length ? [layer, unit] : null;
  }

  /** The unit whose sum is shown: the one under the pointer, else the chosen one, else the Q-value of the action taken. */
  get shown() {
    return this.pointed ?? this.chosen ?? [this.depth - 1, this.page.moment().action];
  }

  layerName(layer) {
    return this.page.t(layer === this.depth - 1 ? "inside.outputs" : "inside.layer", { k: layer + 1 });
  }

  unitName(layer, unit) {
    return layer === this.depth - 1 ? actionName(this.page, unit) : this.page.t("inside.unit", { k: unit });
  }

  isDead(layer, unit) {
    return layer < this.depth - 1 && this.dead.dead[layer][unit] === 1;
  }

  // ── What stands on the page ──

  build(root) {
    const { page } = this;
    this.inputs = el("div", { class: "inside-cells" });
    this.cells = this.network.layers.map((each, layer) => this.makeCells(each, layer));
    this.notes = this.cells.map(() => el("p", { class: "muted numbers-only" }));
    this.detail = el("div", { class: "card inside-detail numbers-only" });
    this.mattered = el("div", { class: "card inside-mattered" });
    const layers = this.cells.map((cells, layer) => el("div", { class: "inside-layer" },
      el("h3", { id: `inside-layer-${layer}` }, this.layerName(layer)),
      el("div", { class: "inside-cells", role: "group", "aria-labelledby": `inside-layer-${layer}` }, cells),
      this.notes[layer]));
    const map = el("div", { class: "card inside-map", on: { keydown: (event) => this.walk(event) } },
      el("div", { class: "inside-layer" }, el("h3", {}, page.t("inside.inputs")), this.inputs), layers,
      el("p", { class: "muted" }, sentences([page.t("inside.colours"), ...leftOut(page)], page.lang)));
    root.append(el("div", { class: "inside-parts" }, map, this.detail, this.mattered));
    this.choose();
  }

  makeCells({ outputs }, layer) {
    const last = layer === this.depth - 1;
    const kind = last ? "inside-cell inside-output" : "inside-cell";
    return Array.from({ length: Math.min(outputs, MOST_UNITS) }, (_, unit) => {
      const choose = () => this.page.store.set({ "inside.unit": `${layer}.${unit}` });
      return el("button", {
        type: "button", class: `${kind}${last ? ` ${actionClass(unit)}` : ""}${this.isDead(layer, unit) ? " dead hatch" : ""}`, tabindex: -1,
        "data-unit": `${layer}.${unit}`,
        on: { focus: choose, click: choose, pointerenter: () => this.point([layer, unit]), pointerleave: () => this.point(null) },
      });
    });
  }

  /** Arrow keys go from unit to unit and from layer to layer; Tab enters and leaves the whole network at once. */
  walk(event) {
    const [layer, unit] = (event.target.dataset.unit ?? "").split(".").map(Number);
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (Number.isNaN(layer) || (!across && !down)) return;
    const to = this.cells[Math.min(Math.max(layer + (down ?? 0), 0), this.depth - 1)];
    to[Math.min(Math.max(unit + (across ?? 0), 0), to.length - 1)].focus();
    event.preventDefault();
  }

  /** Marks the chosen unit and opens its sum; while nobody has chosen, the first unit can be reached by Tab. */
  choose() {
    const [layer, unit] = this.chosen ?? [0, 0];
    for (const cell of this.cells.flat()) {
      const here = cell === this.cells[layer][unit];
      cell.tabIndex = here ? 0 : -1;
      cell.classList.toggle("chosen", here && this.chosen !== null);
    }
    if (this.passed) this.drawDetail();
  }

  /** What only the pointer asks for does not go into the address: it would be rewritten with every move. */
  point(unit) {
    this.pointed = unit;
    this.drawDetail();
  }

  // ── The present moment ──

  /** The units follow at every step, the attribution not while the moment runs. */
  moved() {
    this.soon();
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.drawMattered();
    }, PAUSE);
  }

  draw() {
    const { page, network } = this;
    const { obs } = page.moment();
    this.x = features(page.data.obs, obs);
    this.passed = network.forward(this.x);
    this.q = masked(this.passed.q, maskOf(page.data.obs, obs));
    const colours = shades();
    this.drawInputs(colours);
    this.cells.forEach((cells, layer) => this.drawLayer(cells, layer, colours));
    this.drawDetail();
  }

  drawInputs(colours) {
    const most = largest(this.x);
    clear(this.inputs).append(...[...this.x.subarray(0, MOST_UNITS)].map((value, i) => {
      const cell = el("span", { class: "inside-cell", title: this.inputWords(i, value) });
      cell.style.background = css(shade(value / most, colours));
      return cell;
    }));
  }

  /** An input with its number; of a state, whether it is that. */
  inputWords(i, value) {
    const { data, num } = this.page;
    if (originOf(data.obs, i).state !== null) return featureName(this.page, i, value === 0);
    return `${featureName(this.page, i)} = ${num(value, 4)}`;
  }

  drawLayer(cells, layer, colours) {
    const { t, num } = this.page;
    const last = layer === this.depth - 1;
    const post = last ? this.q : this.passed.post[layer];
    const most = largest(post);
    const written = this.page.level === "story" ? told([...post]) : (value) => num(value, 5);
    cells.forEach((cell, unit) => {
      if (!last && !this.isDead(layer, unit)) cell.style.background = css(shade(post[unit] / most, colours));
      const name = this.unitName(layer, unit);
      const forbidden = post[unit] === -Infinity ? t("decision.forbidden") : null;
      const words = `${name} = ${forbidden ?? num(post[unit], 4)}${this.isDead(layer, unit) ? ` (${t("inside.dead")})` : ""}`;
      cell.setAttribute("aria-label", words);
      if (last) cell.textContent = `${name} ${forbidden ?? written(post[unit])}`;
    });
    this.notes[layer].textContent = last ? "" : this.layerWords(layer, post, cells.length);
  }

  layerWords(layer, post, drawn) {
    const { t, num } = this.page;
    const { dead, seen } = this.dead;
    const values = { on: post.filter((value) => value > 0).length, n: post.length, largest: num(largest(post)) };
    const count = dead[layer].reduce((sum, flag) => sum + flag, 0);
    const parts = [t("inside.active", values), t("inside.dead_count", { dead: count, n: post.length, seen })];
    if (post.length > drawn) parts.push(t("inside.more", { drawn, n: post.length }));
    return parts.join(this.page.lang === "en" ? " " : "");
  }

  drawDetail() {
    const { t, num } = this.page;
    const [layer, unit] = this.shown;
    const inputs = layer === 0 ? this.x : this.passed.post[layer - 1];
    const sum = dotProduct(this.network, this.passed, inputs, layer, unit, MOST_TERMS);
    const from = (i) => (layer === 0 ? featureName(this.page, i) : this.unitName(layer - 1, i));
    const line = (name, value, kind = "") => el("tr", { class: kind },
      el("th", { scope: "row", colspan: 3 }, name), el("td", { class: "number" }, num(value, 5)));
    clear(this.detail).append(
      el("h3", {}, t("inside.sum_of", { unit: this.unitName(layer, unit), layer: this.layerName(layer) })),
      el("table", {},
        el("thead", {}, el("tr", {}, ["from", "x", "w", "product"].map((key) =>
          el("th", { scope: "col", class: key === "from" ? null : "number" }, t(`inside.${key}`))))),
        el("tbody", {},
          sum.terms.map(({ from: i, x, weight, product }) => el("tr", {}, el("th", { scope: "row" }, from(i)),
            [x, weight, product].map((value) => el("td", { class: "number" }, num(value, 5))))),
          sum.others ? line(t("inside.rest", { n: sum.others }), sum.rest) : null,
          line(t("inside.bias"), sum.bias),
          line(t("inside.pre"), sum.pre, "inside-total"),
          layer < this.depth - 1 ? line(t("inside.relu"), sum.post, "inside-total") : null)),
      this.isDead(layer, unit) ? el("p", { class: "warn" }, t("inside.dead_words", { seen: this.dead.seen })) : "",
      el("p", { class: "muted" }, t("inside.point")));
  }

  drawMattered() {
    const { page } = this;
    const { t, num } = page;
    const { obs, q } = page.moment();
    const x = features(page.data.obs, obs);
    const found = attribute(this.network, x, page.data.baseline.data, maskOf(page.data.obs, obs));
    if (!found) {
      const alone = q.best.length === 1 ? t("inside.one_action") : t("decision.only", { action: actionName(page, argmax(q.best)) });
      clear(this.mattered).append(el("h3", {}, t("inside.mattered")), el("p", {}, alone));
      return;
    }
    const { main, others, share } = folded(found.parts);
    const most = largest(found.parts);
    const absent = (i) => x[i] === 0 && originOf(page.data.obs, i).state !== null; // a state where it is not, which counts as well
    const draw = (places) => bars(places.map((i) => ({
      label: featureName(page, i, absent(i)), value: found.parts[i], class: actionClass(found.parts[i] < 0 ? found.second : found.best),
    })), { digits: 3, low: -most, high: most });
    const [best, second] = [actionName(page, found.best), actionName(page, found.second)];
    clear(this.mattered).append(
      el("h3", {}, t("inside.mattered")),
      el("p", { class: "story-only" }, t("inside.why", { best, second, gap: num(found.gap), from: num(found.baselineGap) })),
      el("p", { class: "numbers-only" }, t("inside.question", { best, second, gap: num(found.gap), from: num(found.baselineGap) })),
      draw(main), others.length ? this.others(t("inside.others", { n: others.length, share: num(100 * share, 2) }), draw(others)) : "",
      el("p", { class: "muted numbers-only" }, t("inside.complete", {
        sum: num(found.parts.reduce((sum, part) => sum + part, 0), 5), change: num(found.gap - found.baselineGap, 5),
        residual: num(found.residual, 2), steps: STEPS,
      })),
      el("p", { class: "muted numbers-only" }, t("inside.method")));
  }

  /** Inputs that hardly matter, behind one line; once opened they stay so while the moment moves. */
  others(text, drawn) {
    const node = el("details", { class: "inside-others", open: this.opened, on: { toggle: () => { this.opened = node.open; } } },
      el("summary", {}, text), drawn);
    return node;
  }
}

/** All recorded observations, one after the other, as the first layer sees them: {count, at(i)}. */
function recorded({ data }) {
  const starts = [];
  let count = 0;
  for (const { obs } of data.episodes) {
    starts.push(count);
    count += obs.shape[0];
  }
  const at = (i) => {
    const episode = starts.findLastIndex((start) => start <= i);
    return features(data.obs, row(data.episodes[episode].obs, i - starts[episode]));
  };
  return { count, at };
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
}

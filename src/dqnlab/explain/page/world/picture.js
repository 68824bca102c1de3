/** The picture of a moment: drawn where the world is known, else the environment's own images. */

import { el } from "../core/dom.js";
import { DRAWN, draw, shape } from "./drawings.js";
import { fit, palette } from "./pen.js";

const LARGEST = { widest: 660, highest: 330 };  // pixels of the page
const PHONE = { narrow: 620, widest: 620, highest: 200 };  // leaves room for the values and the timeline on one screen
const COARSE = 64;  // images up to this size show squares, not a blur

export class Picture {
  #world;
  #policy;
  #colours = palette();
  #frames = null;
  #images = [];
  #moment = null;
  #watcher = new ResizeObserver(() => this.paint(this.#moment));

  /** world: of the page's data; policy: the greedy action in each state of a lake, or null. */
  constructor(world, policy, words) {
    this.#world = world;
    this.#policy = policy;
    this.canvas = el("canvas", { role: "img", tabindex: "0", class: "world-canvas", "aria-describedby": "world-keys" });
    this.node = el("div", { class: "world-picture" }, world.kind === "none" ? el("p", {}, words) : this.canvas);
    this.#watcher.observe(this.node);
  }

  /** Whether this world is shown by images, not by a drawing. */
  get isFilm() {
    return !DRAWN.includes(this.#world.kind) && this.#world.kind !== "none";
  }

  /** Takes the images of another episode. */
  load(frames) {
    this.#frames = this.isFilm ? frames : null;
    this.#images = (this.#frames?.images ?? []).map((source) => {
      const image = new Image();
      image.addEventListener("load", () => this.paint(this.#moment));
      image.src = source;
      return image;
    });
  }

  /** How wide it is where there is room, in pixels of the page. */
  get width() {
    return Math.min(LARGEST.widest, LARGEST.highest * this.#ratio);
  }

  /** Reads the colours anew. */
  recolour() {
    this.#colours = palette();
    this.paint(this.#moment);
  }

  /** Shows a moment, as `momentOf` gives it. */
  paint(moment) {
    this.#moment = moment;
    const nothing = this.isFilm && !this.#images.length;
    this.canvas.hidden = nothing;
    const { context, ...size } = this.#fit();
    if (!moment || nothing || this.#world.kind === "none" || size.width <= 0) return;
    if (this.isFilm) this.#film(context, moment.t, size);
    else if (moment.state ?? moment.obs) {
      draw(context, this.#world, moment.state ?? moment.obs, {
        ...size, action: moment.action, terrain: moment.episode.terrain, policy: this.#policy, colours: this.#colours,
      });
    }
  }

  get #ratio() {
    return this.#frames ? this.#frames.width / this.#frames.height : this.isFilm ? 2 : shape(this.#world);
  }

  close() {
    this.#watcher.disconnect();
  }

  /** The canvas as wide as there is room; its own pixels are those of the screen. */
  #fit() {
    return fit(this.canvas, this.node.clientWidth, this.#ratio, innerWidth <= PHONE.narrow ? PHONE : LARGEST);
  }

  #film(context, t, { width, height }) {
    const image = this.#images[Math.min(Math.floor(t / this.#frames.every), this.#images.length - 1)];
    if (!image.complete || !image.naturalWidth) return;
    context.imageSmoothingEnabled = image.naturalWidth > COARSE;
    context.clearRect(0, 0, width, height);
    context.drawImage(image, 0, 0, width, height);
  }
}

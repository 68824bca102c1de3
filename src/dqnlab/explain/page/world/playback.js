/** What plays the page's episode: one clock for everything that shows the moment. */

import { Player } from "./player.js";

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const LIGHT = 8; // milliseconds that a moment may take at every picture of the screen
const UNASKED = 12_000; // milliseconds: an episode that plays unasked begins again until it has played so long

/**
 * Every step that is reached goes into the store, so that all that is in sight shows the same one; what is out of sight
 * is told when it comes into sight, or when this stops.
 *
 * {t, last, playing, play(), begin(), pause(), toggle(), seek(t), key(event), close()} of the episode at `store`'s `ep`.
 * `on({moment, playing})` calls `moment(t)` for every step that is reached, before the store is told, and `playing()`
 * when it starts or stops.
 */
export class Playback {
  #data;
  #store;
  #episode;
  #player;
  #listeners = [];
  #frame = 0;
  #rest = 0;
  #unasked = null;
  #end = new AbortController();

  constructor(data, store, episode) {
    [this.#data, this.#store, this.#episode] = [data, store, episode];
    this.#player = new Player((t) => this.#tell("moment", t), (t) => this.#share(t));
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    this.#player.calm = still.matches;
    still.addEventListener("change", () => { this.#player.calm = still.matches; }, { signal: this.#end.signal });
    store.declare("world.speed", 1);
    store.on(["ep"], () => this.#load());
    store.on(["t"], () => this.#follow());
    store.on(["world.speed"], () => this.#setPace());
    this.#load();
  }

  get t() { return this.#player.t; }

  get last() { return this.#player.last; }

  get playing() { return this.#player.playing; }

  on(listener) {
    this.#listeners.push(listener);
  }

  play() {
    this.#unasked = null;
    this.#start();
  }

  /** Plays unasked, where the reader has chosen no moment and does not mind motion; `leave()` ends it. */
  begin() {
    if (this.#player.calm || this.#store.chosen("t")) return;
    this.#unasked = performance.now();
    this.#start();
  }

  /** Ends what plays unasked. */
  leave() {
    if (this.#unasked !== null) this.pause();
  }

  pause() {
    this.#player.pause();
    this.#unasked = null;
    this.#tell("playing");
  }

  toggle() {
    if (this.#player.playing) this.pause();
    else this.play();
  }

  /** Stops, and stands at another step. */
  seek(t) {
    this.#unasked = null;
    this.#player.seek(t);
    this.#tell("playing");
  }

  /** Keys that move through the episode; returns whether this was one. */
  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { t, last } = this.#player;
    const to = {
      ArrowLeft: t - 1, ArrowRight: t + 1, PageDown: t - 10, PageUp: t + 10, Home: 0, End: last,
    }[event.key];
    if (event.key === " ") this.toggle();
    else if (to !== undefined) this.seek(to);
    else return;
    event.preventDefault();
  }

  close() {
    this.#player.playing = false;
    cancelAnimationFrame(this.#frame);
    this.#end.abort();
  }

  #start() {
    if (!this.#player.playing) {
      this.#player.play();
      this.#next();
    }
    this.#tell("playing");
  }

  /** Turns after the next picture, not within it: what is drawn once a picture is then drawn in the same one. */
  #next() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame((now) => setTimeout(() => {
      if (!this.#end.signal.aborted) this.#turn(now);
    }));
  }

  /** A page that takes long for one moment shows fewer of them, and leaves as much time to all else. */
  #turn(now) {
    const began = performance.now();
    if (began >= this.#rest) {
      this.#player.tick(now);
      const took = performance.now() - began;
      this.#rest = took < LIGHT ? 0 : began + 2 * took;
    }
    const again = this.#unasked !== null && now - this.#unasked < UNASKED;
    if (!this.#player.playing && again) this.#start();
    else if (this.#player.playing) this.#next();
    else this.#tell("playing");
  }

  /** What plays unasked is no choice of the reader's: it does not go into the address. */
  #share(t) {
    this.#store.set({ t }, { written: this.#unasked === null });
  }

  #load() {
    this.#player.playing = false;
    this.#unasked = null;
    this.#player.last = this.#episode().action.data.length - 1;
    this.#setPace();
    this.#follow();
  }

  #setPace() {
    const times = this.#store.get("world.speed");
    this.#player.pace = (this.#data.world.params.fps ?? 30) * (SPEEDS.includes(times) ? times : 1);
  }

  /** Goes where the page's moment is, unless it was this clock that led it there. */
  #follow() {
    const t = Math.min(Math.max(Math.trunc(this.#store.get("t")), 0), this.#player.last);
    if (this.#player.playing && t === this.#player.t) return;
    if (t !== this.#player.t) this.#unasked = null;
    this.#player.playing = false;
    this.#player.t = t;
    this.#tell("moment", t);
    this.#tell("playing");
  }

  #tell(name, value) {
    for (const listener of this.#listeners) listener[name]?.(value);
  }
}

/** The clock of an episode: which step is shown, and what moves it on. */

import { placeIn } from "../core/page.js";

const LONGEST = 500; // milliseconds between two pictures: a page that was out of sight goes on where it was
const CALM = 2;  // pictures a second for readers who asked for less motion

/**
 * Plays steps 0 … last. `show(t)` and then `share(t)` are called for every step that is reached, and at each stop
 * `share(t)` once more. The clock is whoever calls `tick(milliseconds)`.
 */
export class Player {
  playing = false;
  t = 0;
  last = 0;
  pace = 30;  // steps per second
  calm = false;
  #show;
  #share;
  #since = null;
  #owed = 0;

  constructor(show, share) {
    this.#show = show;
    this.#share = share;
  }

  /** Begins, from the start if it stands at the end. */
  play() {
    if (this.t >= this.last) this.#go(0);
    this.playing = true;
    this.#since = null;
    this.#owed = 0;
  }

  pause() {
    this.playing = false;
    this.#share(this.t);
  }

  /** Stops, and stands at another step. */
  seek(t) {
    this.playing = false;
    this.#go(t);
    this.#share(this.t);
  }

  /** Moves on by the time since the last call. */
  tick(now) {
    if (!this.playing) return;
    this.#owed += this.#since === null ? 0 : (Math.min(now - this.#since, LONGEST) / 1000) * this.pace;
    this.#since = now;
    const least = this.calm ? Math.max(1, this.pace / CALM) : 1;
    if (this.#owed < least) return;
    const steps = Math.floor(this.#owed);
    this.#owed -= steps;
    this.#go(this.t + steps);
    if (this.t >= this.last) this.pause();
    else this.#share(this.t);
  }

  #go(t) {
    this.t = placeIn(t, this.last + 1);
    this.#show(this.t);
  }
}

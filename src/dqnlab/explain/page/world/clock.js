/*
 * A clock for what moves: calls `tick` so many times a second, in step with the screen.
 */

const MOST = 5; // ticks for one picture; a slow machine falls behind rather than standing still

/** A stopped clock: {running(), start(), stop()}. `shown` is called once after the ticks of each picture. */
export function makeClock(rate, tick, shown) {
  let request = null;
  let due = 0;
  let before = 0;

  function frame(now) {
    request = window.requestAnimationFrame(frame);
    due = Math.min(MOST, due + ((now - before) / 1000) * rate);
    before = now;
    if (due < 1) return;
    for (; due >= 1 && request !== null; due -= 1) tick();
    shown();
  }

  return {
    running: () => request !== null,
    start() {
      if (request !== null) return;
      due = 0;
      before = performance.now();
      request = window.requestAnimationFrame(frame);
    },
    stop() {
      if (request !== null) window.cancelAnimationFrame(request);
      request = null;
    },
  };
}

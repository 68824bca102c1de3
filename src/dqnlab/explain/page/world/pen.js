/** Strokes and colours that the drawings share. */

import { colour } from "../core/dom.js";

/**
 * Makes a canvas as wide as `room` and the largest size allow, sharp on dense screens: {width, height, context}, both in
 * pixels of the page, as the context counts too.
 */
export function fit(canvas, room, ratio, { widest, highest }) {
  const width = Math.floor(Math.min(room, widest, highest * ratio));
  const height = Math.round(width / ratio);
  const density = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide || canvas.height !== high) { // to set them empties it
    [canvas.width, canvas.height] = [wide, high];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  return { width, height, context };
}

/** The colours of the present theme; reading them costs time, so whoever draws often keeps them. */
export function palette() {
  const names = ["ink", "paper", "card", "muted", "line", "accent", "good", "bad", "warn", "shade"];
  const found = Object.fromEntries(names.map((name) => [name, colour(`--${name}`)]));
  return { ...found, actions: [0, 1, 2, 3, 4, 5].map((k) => colour(`--action-${k}`)) };
}

/** The colour of an action. */
export function ofAction(ink, action) {
  return ink.actions[action % ink.actions.length];
}

/** A line through points [x, y]. */
export function stroke(c, points, style, width) {
  c.beginPath();
  points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.strokeStyle = style;
  c.lineWidth = width;
  c.stroke();
}

/** A filled shape through points [x, y]. */
export function fill(c, points, style) {
  c.beginPath();
  points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.closePath();
  c.fillStyle = style;
  c.fill();
}

/** A filled circle. */
export function disc(c, x, y, radius, style) {
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
  c.fillStyle = style;
  c.fill();
}

/** An arrow from (x, y), so long in pixels to the right (left if negative), its direction turned by `angle`. */
export function arrow(c, x, y, length, style, angle = 0) {
  c.save();
  c.translate(x, y);
  c.rotate(angle);
  const head = Math.sign(length) * Math.min(10, Math.abs(length) / 2);
  stroke(c, [[0, 0], [length - head / 2, 0]], style, 4);
  fill(c, [[length, 0], [length - head, -6], [length - head, 6]], style);
  c.restore();
}

/** A flag on a pole whose foot stands at [x, y]. */
export function flag(c, [x, y], height, cloth, pole) {
  stroke(c, [[x, y], [x, y - height]], pole, 2);
  fill(c, [[x + 1, y - height], [x + 1 + height * 0.5, y - height * 0.82], [x + 1, y - height * 0.62]], cloth);
}

/** A short text, centred. */
export function write(c, text, x, y, style, size = 11) {
  c.font = `${size}px system-ui, sans-serif`;
  c.textAlign = "center";
  c.fillStyle = style;
  c.fillText(text, x, y);
}

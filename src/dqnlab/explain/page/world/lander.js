/** The lunar lander, drawn from its observation. */

import { disc, fill, flag, ofAction, stroke } from "./pen.js";

/** [x, y, vx, vy, angle, spin, right leg, left leg], scaled as the environment shows them. */
export function drawLander(pen, [x, y, , , angle, , right, left]) {
  const { c, p, ink, width, height } = pen;
  const [wide, high] = [p.VIEWPORT_W / p.SCALE, p.VIEWPORT_H / p.SCALE];
  const pad = high / 4;
  const scale = width / wide;
  const at = (metres, up) => [metres * scale, height - up * scale];
  const ground = (pen.terrain ?? [[0, pad], [wide, pad]]).map(([metres, up]) => at(metres, up));
  fill(c, [...ground, [width, height], [0, height]], ink.shade);
  stroke(c, ground, ink.muted, 1.5);
  const landed = right > 0 && left > 0;
  stroke(c, [at(0.4 * wide, pad), at(0.6 * wide, pad)], landed ? ink.good : ink.warn, 4);
  for (const side of [0.4, 0.6]) flag(c, at(side * wide, pad), 28, landed ? ink.good : ink.warn, ink.muted);
  c.translate(...at((x + 1) * (wide / 2), y * (high / 2) + pad + p.LEG_DOWN / p.SCALE));
  c.rotate(-angle);
  c.scale(scale / p.SCALE, -scale / p.SCALE);  // from here in the lander's own units, upwards
  flame(pen);
  for (const [side, contact] of [[1, right], [-1, left]]) leg(c, side, contact > 0 ? ink.good : ink.muted);
  fill(c, p.outline, ink.accent);
  disc(c, 0, 6, 5, ink.card);
}

function leg(c, side, style) {
  stroke(c, [[side * 15, -4], [side * 27, -18]], style, 3);
  stroke(c, [[side * 22, -18], [side * 32, -18]], style, 3);
}

/** What burns: 2 is the main engine; 1 and 3 turn it, and burn on the side away from which they push. */
function flame({ c, action, ink }) {
  if (action === 2) {
    fill(c, [[-7, -10], [7, -10], [0, -38]], ofAction(ink, action));
    fill(c, [[-3, -10], [3, -10], [0, -24]], ink.card);
  } else if (action === 1 || action === 3) {
    const side = action === 1 ? 1 : -1;
    fill(c, [[side * 15, 17], [side * 15, 9], [side * 34, 13]], ofAction(ink, action));
  }
}

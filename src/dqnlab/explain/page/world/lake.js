/** The frozen lake, drawn from the number of the state. */

import { arrow, disc, fill, flag, ofAction, stroke, write } from "./pen.js";

const TURNS = [Math.PI, Math.PI / 2, 0, -Math.PI / 2];  // left, down, right, up

/** Fields by rows; in each the action of `pen.policy` as an arrow. */
export function drawLake(pen, state) {
  const { c, p, ink, width, height } = pen;
  const [rows, columns] = [p.desc.length, p.desc[0].length];
  const size = Math.min(width / columns, height / rows);
  const [left, top] = [(width - columns * size) / 2, (height - rows * size) / 2];
  for (let i = 0; i < rows * columns; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const [x, y] = [left + column * size, top + row * size];
    field(pen, p.desc[row][column], x, y, size);
    const action = pen.policy?.[i];
    const open = "SF".includes(p.desc[row][column]);
    if (open && action >= 0 && i !== state) {
      const [dx, dy] = [Math.cos(TURNS[action]), Math.sin(TURNS[action])];
      const [mx, my] = [x + size / 2 - dx * size * 0.2, y + size / 2 - dy * size * 0.2];
      c.globalAlpha = 0.65;
      arrow(c, mx, my, size * 0.4, ofAction(ink, action), TURNS[action]);
      c.globalAlpha = 1;
    }
  }
  const x = left + ((state % columns) + 0.5) * size;
  const y = top + (Math.floor(state / columns) + 0.5) * size;
  disc(c, x, y, size * 0.24, ink.accent);
  disc(c, x, y, size * 0.1, ink.card);
  if (pen.action >= 0 && pen.action < TURNS.length) {
    const turn = TURNS[pen.action];
    arrow(c, x + Math.cos(turn) * size * 0.27, y + Math.sin(turn) * size * 0.27, size * 0.36, ofAction(ink, pen.action), turn);
  }
}

function field({ c, ink }, letter, x, y, size) {
  fill(c, [[x, y], [x + size, y], [x + size, y + size], [x, y + size]], ink.shade);
  stroke(c, [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]], ink.line, 1);
  if (letter === "H") {
    c.globalAlpha = 0.55;
    disc(c, x + size / 2, y + size / 2, size * 0.36, ink.ink);
    c.globalAlpha = 1;
  } else if (letter === "G") {
    flag(c, [x + size * 0.4, y + size * 0.82], size * 0.6, ink.good, ink.muted);
  } else if (letter === "S") {
    write(c, "S", x + size * 0.14, y + size * 0.2, ink.muted, Math.max(9, size * 0.14));
  }
}

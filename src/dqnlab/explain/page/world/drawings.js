/** Pictures of the worlds that we know, on a canvas, from a state of the physics or from an observation. */

import { drawLake } from "./lake.js";
import { drawLander } from "./lander.js";
import { arrow, disc, fill, flag, ofAction, palette, stroke, write } from "./pen.js";

export const DRAWN = ["cartpole", "mountaincar", "acrobot", "lunarlander", "frozenlake"];

/** Width over height of a picture that suits a world. */
export function shape(world) {
  if (world.kind === "acrobot") return 1.5;
  if (world.kind === "lunarlander") return world.params.VIEWPORT_W / world.params.VIEWPORT_H;
  if (world.kind === "frozenlake") return Math.max(1, world.params.desc[0].length / world.params.desc.length);
  return 2;
}

/**
 * Draws a world into the rectangle (0, 0, width, height) of a context.
 * state: the physics' own, or an observation; of stacked ones the newest counts.
 * options: {width, height, action: number or null, terrain: corners of the lander's ground,
 * policy: the action in each state of a lake, colours: what `palette()` gave}.
 */
export function draw(context, world, state, options) {
  const pen = { ...options, c: context, p: world.params, ink: options.colours ?? palette() };
  context.save();
  context.clearRect(0, 0, pen.width, pen.height);
  context.lineCap = "round";
  context.lineJoin = "round";
  const now = pose(world.kind, state);
  if (world.kind === "cartpole") drawCart(pen, now);
  else if (world.kind === "mountaincar") drawMountain(pen, now);
  else if (world.kind === "acrobot") drawLinks(pen, now);
  else if (world.kind === "lunarlander") drawLander(pen, now);
  else if (world.kind === "frozenlake") drawLake(pen, now[0]);
  context.restore();
}

/** The numbers that a drawing takes: the newest of stacked observations, Acrobot's angles from their sines. */
export function pose(kind, state) {
  const all = Array.from(state);
  if (kind === "cartpole") return all.slice(-4);
  if (kind === "mountaincar") return all.slice(-2);
  if (kind === "lunarlander") return all.slice(-8);
  if (kind !== "acrobot" || all.length === 4) return all;
  const [cos1, sin1, cos2, sin2, spin1, spin2] = all.slice(-6);
  return [Math.atan2(sin1, cos1), Math.atan2(sin2, cos2), spin1, spin2];
}

function drawCart(pen, [x, , angle]) {
  const { c, p, ink, width, height } = pen;
  const scale = width / (2 * 1.2 * p.x_threshold);
  const ground = height * 0.78;
  const at = (metres) => width / 2 + metres * scale;
  c.fillStyle = ink.bad;
  c.globalAlpha = 0.1;  // where an episode ends
  c.fillRect(0, 0, at(-p.x_threshold), height);
  c.fillRect(at(p.x_threshold), 0, width - at(p.x_threshold), height);
  c.globalAlpha = 1;
  stroke(c, [[0, ground], [width, ground]], ink.line, 2);
  for (let metre = Math.ceil(-p.x_threshold); metre <= p.x_threshold; metre++) {
    stroke(c, [[at(metre), ground], [at(metre), ground + 5]], ink.muted, 1);
    if (height > 100) write(c, String(metre), at(metre), ground + 18, ink.muted, height > 200 ? 14 : 11); // else there is no room
  }
  const [w, h] = [0.5 * scale, 0.26 * scale];
  const middle = [at(x), ground - 0.1 * scale - h];
  const length = Math.min(2 * p.length * scale * 1.4, middle[1] - 12);
  drawLimits(c, middle, length, p.theta_threshold_radians, angle, ink);
  c.fillStyle = ink.ink;
  c.beginPath();
  c.roundRect(at(x) - w / 2, middle[1], w, h, 5);
  c.fill();
  for (const side of [-0.3, 0.3]) {
    disc(c, at(x) + side * w, ground - 0.07 * scale, 0.07 * scale, ink.muted);
  }
  stroke(c, [middle, [middle[0] + length * Math.sin(angle), middle[1] - length * Math.cos(angle)]], ink.accent, 8);
  disc(c, ...middle, 5, ink.card);
  if (pen.action !== null && pen.action !== undefined) {
    const way = pen.action === 1 ? 1 : -1;
    arrow(c, at(x) + (way * w) / 2 + way * 6, middle[1] + h / 2, way * 0.42 * scale, ofAction(ink, pen.action));
  }
}

/** The angles at which an episode ends, and the present one as an arc from the upright. */
function drawLimits(c, [x, y], length, limit, angle, ink) {
  const up = -Math.PI / 2;
  c.beginPath();
  c.moveTo(x, y);
  c.arc(x, y, length * 0.9, up - limit, up + limit);
  c.closePath();
  c.fillStyle = ink.shade;
  c.fill();
  stroke(c, [[x, y], [x, y - length]], ink.line, 1);
  c.beginPath();
  c.arc(x, y, length * 0.6, Math.min(up, up + angle), Math.max(up, up + angle));
  c.strokeStyle = Math.abs(angle) > limit ? ink.bad : ink.warn;
  c.lineWidth = 3;
  c.stroke();
}

function drawMountain(pen, [position]) {
  const { c, p, ink, width, height } = pen;
  const margin = 0.04 * width;
  const at = (x) => margin + ((x - p.min_position) / (p.max_position - p.min_position)) * (width - 2 * margin);
  const hill = (x) => height * (0.9 - 0.62 * (Math.sin(3 * x) * 0.5 + 0.5));
  const ridge = [];
  const beyond = (p.max_position - p.min_position) * 0.06;
  for (let i = 0; i <= 120; i++) {
    const x = p.min_position - beyond + (i / 120) * (p.max_position - p.min_position + 2 * beyond);
    ridge.push([at(x), hill(x)]);
  }
  fill(c, [...ridge, [width, height], [0, height]], ink.shade);
  stroke(c, ridge, ink.muted, 2);
  const goal = [at(p.goal_position), hill(p.goal_position)];
  flag(c, goal, 44, position >= p.goal_position ? ink.good : ink.warn, ink.ink);
  const slope = Math.atan2(hill(position + 1e-3) - hill(position - 1e-3), at(position + 1e-3) - at(position - 1e-3));
  c.translate(at(position), hill(position));
  c.rotate(slope);
  c.fillStyle = ink.accent;
  c.beginPath();
  c.roundRect(-19, -22, 38, 13, 5);
  c.fill();
  fill(c, [[-10, -21], [-6, -30], [7, -30], [12, -21]], ink.accent);
  for (const side of [-11, 11]) disc(c, side, -6, 6, ink.ink);
  const push = { 0: -1, 2: 1 }[pen.action];
  if (push) arrow(c, push * 26, -16, push * 42, ofAction(ink, pen.action));
}

function drawLinks(pen, [angle1, angle2]) {
  const { c, p, ink, width, height } = pen;
  const reach = p.LINK_LENGTH_1 + p.LINK_LENGTH_2;
  const scale = Math.min(width, height) / (2.2 * reach);
  const origin = [width / 2, height / 2];
  const tip = (from, length, angle) => [from[0] + length * scale * Math.sin(angle), from[1] + length * scale * Math.cos(angle)];
  const elbow = tip(origin, p.LINK_LENGTH_1, angle1);
  const hand = tip(elbow, p.LINK_LENGTH_2, angle1 + angle2);
  const there = -Math.cos(angle1) - Math.cos(angle1 + angle2) > 1;
  const line = origin[1] - scale;
  c.setLineDash([8, 6]);
  stroke(c, [[width * 0.08, line], [width * 0.92, line]], there ? ink.good : ink.warn, 2);
  c.setLineDash([]);
  c.globalAlpha = 0.35;
  c.beginPath();
  c.arc(...origin, reach * scale, 0, 2 * Math.PI);
  c.strokeStyle = ink.line;
  c.lineWidth = 1;
  c.stroke();
  c.globalAlpha = 1;
  stroke(c, [origin, elbow], ink.ink, 9);
  stroke(c, [elbow, hand], ink.accent, 9);
  disc(c, ...origin, 6, ink.muted);
  disc(c, ...elbow, 6, ink.card);
  disc(c, ...hand, 7, there ? ink.good : ink.accent);
  const torque = pen.action === null || pen.action === undefined ? 0 : Math.sign(p.AVAIL_TORQUE[pen.action]);
  if (torque) twist(c, elbow, torque, ofAction(ink, pen.action));
}

/** A bent arrow around a joint; positive torque turns against the clock. */
function twist(c, [x, y], way, style) {
  const [from, to] = way > 0 ? [2.4, 0.3] : [0.7, 2.8];
  c.beginPath();
  c.arc(x, y, 24, from, to, way > 0);
  c.strokeStyle = style;
  c.lineWidth = 4;
  c.stroke();
  const end = [x + 24 * Math.cos(to), y + 24 * Math.sin(to)];
  arrow(c, ...end, 12, style, to + (way > 0 ? -Math.PI / 2 : Math.PI / 2));
}

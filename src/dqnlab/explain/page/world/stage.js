/*
 * A canvas that shows a world in one state, as wide as there is room.
 */

import { el } from "../core/dom.js";
import { DRAWN, draw, shape } from "./drawings.js";
import { palette } from "./pen.js";

const HIGHEST = 280;
const WIDEST = 560;

/**
 * {node, show(state, {action, label, terrain})}; a world that has no drawing shows nothing.
 * `state` is the physics' own or an observation, `label` the same in words, `terrain` the ground of a lander.
 */
export function makeStage(world) {
  if (!DRAWN.includes(world.kind)) return { node: null, show() {} };
  const canvas = el("canvas", { class: "stage", role: "img" });
  const node = el("div", {}, canvas);
  const colours = palette();
  return {
    node,
    show(state, { action = null, label, terrain }) {
      const { width, height, density } = fit(canvas, node.clientWidth || WIDEST, shape(world));
      canvas.setAttribute("aria-label", label);
      const context = canvas.getContext("2d");
      context.setTransform(density, 0, 0, density, 0, 0);
      draw(context, world, state, { width, height, action, terrain, policy: null, colours });
    },
  };
}

/** Sets the size of a canvas where it is another one, which empties it. */
function fit(canvas, room, ratio) {
  const width = Math.floor(Math.min(room, WIDEST, HIGHEST * ratio));
  const height = Math.round(width / ratio);
  const density = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  return { width, height, density };
}

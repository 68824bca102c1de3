/*
 * A canvas that shows a world in one state, as wide as there is room.
 */

import { el } from "../core/dom.js";
import { DRAWN, draw, shape } from "./drawings.js";
import { fit, palette } from "./pen.js";

const LARGEST = { widest: 560, highest: 280 }; // pixels of the page

/**
 * {node, show(state, {action, label, terrain})}; a world that has no drawing shows nothing.
 * No larger than `largest`. `state` is the physics' own or an observation, `label` the same in words, `terrain` the ground of a lander.
 */
export function makeStage(world, largest = LARGEST) {
  if (!DRAWN.includes(world.kind)) return { node: null, show() {} };
  const canvas = el("canvas", { class: "stage", role: "img" });
  const node = el("div", {}, canvas);
  const colours = palette();
  return {
    node,
    show(state, { action = null, label, terrain }) {
      const { width, height, context } = fit(canvas, node.clientWidth || largest.widest, shape(world), largest);
      canvas.setAttribute("aria-label", label);
      draw(context, world, state, { width, height, action, terrain, policy: null, colours });
    },
  };
}

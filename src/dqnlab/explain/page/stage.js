/*
 * A canvas that shows a world in one state.
 */

import { draw } from "./drawings.js";
import { el } from "./dom.js";

const DRAWN = ["cartpole", "mountaincar", "acrobot", "lunarlander", "frozenlake"];

/** {node, show(state, {action, label})}; a world that has no drawing shows nothing. */
export function makeStage(world, t, width = 600, height = 300) {
  if (!DRAWN.includes(world.kind)) return { node: null, show() {} };
  const density = Math.min(window.devicePixelRatio || 1, 2);
  const node = el("canvas", { class: "stage", role: "img", width: width * density, height: height * density });
  const context = node.getContext("2d");
  return {
    node,
    show(state, { action, label }) {
      node.setAttribute("aria-label", label);
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, node.width, node.height);
      draw(context, world, state, { action });
    },
  };
}

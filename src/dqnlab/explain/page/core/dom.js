/** Makes elements, and draws no faster than the screen. Text becomes text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An html element. props: `class`, `on` (event -> function), any attribute; null and false are left out. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for svg. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/** Empties an element. */
export function clear(node) {
  node.replaceChildren();
  return node;
}

/** The value of a css variable, as `--ink`, for what draws on a canvas. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Calls `draw` once before the next picture is shown, however often it is asked for; `cancel` forgets it. */
export function perFrame(draw) {
  let asked = null;
  const ask = () => {
    asked ??= requestAnimationFrame(() => {
      asked = null;
      draw();
    });
  };
  ask.cancel = () => { if (asked !== null) cancelAnimationFrame(asked); };
  return ask;
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

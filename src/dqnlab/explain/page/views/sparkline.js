/** A line without axes: enough to see its shape. */

import { extremes } from "../core/charts.js";
import { svg } from "../core/dom.js";

const [WIDTH, HEIGHT, EDGE] = [160, 36, 3];

/** series: [{x, y, class}] on one scale; numbers that are not finite are left out, and one alone is a dot. */
export function sparkline(series, [from, to]) {
  const [low, high] = extremes(series.flatMap(({ y }) => extremes(y)));
  const across = (x) => EDGE + ((x - from) / (to - from || 1)) * (WIDTH - 2 * EDGE);
  const up = (y) => HEIGHT - EDGE - ((y - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  const lines = series.map(({ x, y, class: kind }) => {
    const points = Array.from(x, (each, i) => [each, y[i]]).filter(([, value]) => Number.isFinite(value));
    if (points.length === 1) return svg("circle", { cx: across(points[0][0]), cy: up(points[0][1]), r: 2.5, class: `dot ${kind}` });
    const path = points.map(([each, value]) => `${across(each).toFixed(1)} ${up(value).toFixed(1)}`).join("L");
    return svg("path", { d: points.length ? `M${path}` : "", class: `line ${kind}` });
  });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart sparkline", "aria-hidden": "true" }, lines);
}

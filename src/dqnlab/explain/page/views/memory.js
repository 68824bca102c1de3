/** What a network that remembers carries through the episode: a row for each unit, a column for each step. */

import { row } from "../core/codec.js";
import { el, perFrame } from "../core/dom.js";
import { shade, shades } from "../maps/paint.js";

const FULL = 127; // of a byte, which stands for 1

export function mountMemory(root, page) {
  const { t } = page;
  const cursor = el("div", { class: "memory-cursor", "aria-hidden": "true" });
  const canvas = el("canvas", { class: "memory-picture", role: "img" });
  const said = el("p", {});
  const plane = el("div", { class: "memory-plane" }, canvas, cursor);
  let shown = null;
  const draw = () => {
    const { episode, t: now, last } = page.moment();
    if (episode !== shown) paint(canvas, episode.memory);
    shown = episode;
    cursor.style.left = `${(100 * (now + 0.5)) / (last + 1)}%`;
    said.textContent = words(page, episode.memory, now);
    canvas.setAttribute("aria-label", said.textContent);
  };
  plane.addEventListener("pointerdown", (event) => {
    const box = plane.getBoundingClientRect();
    const step = Math.floor(((event.clientX - box.left) / box.width) * (page.moment().last + 1));
    page.store.set({ t: Math.max(step, 0) });
  });
  const units = page.data.episodes[0].memory.shape[1];
  root.append(el("div", { class: "card" },
    el("h3", {}, t("inside.memory")),
    plane, said,
    el("p", { class: "muted" }, t("inside.memory_lead"),
      units < page.data.units ? ` ${t("inside.more", { drawn: units, n: page.data.units })}` : "")));
  const soon = perFrame(draw);
  page.store.on(["ep", "t"], soon);
  draw();
  return () => soon.cancel();
}

/** One point for each number, made large by the style sheet. */
function paint(canvas, { shape: [steps, units], data }) {
  const colours = shades();
  canvas.width = steps;
  canvas.height = units;
  const image = new ImageData(steps, units);
  for (let unit = 0; unit < units; unit++) {
    for (let step = 0; step < steps; step++) {
      const at = 4 * (unit * steps + step);
      shade(data[step * units + unit] / FULL, colours).forEach((part, k) => { image.data[at + k] = part; });
      image.data[at + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Which unit this step changed most, or, at the first one, which holds most. */
function words({ t, num }, memory, now) {
  const after = row(memory, now);
  const before = now ? row(memory, now - 1) : new Int8Array(after.length);
  const change = (unit) => Math.abs(after[unit] - before[unit]);
  const k = [...after.keys()].reduce((most, unit) => (change(unit) > change(most) ? unit : most), 0);
  return t(now ? "inside.memory_step" : "inside.memory_first", {
    step: now, k, from: num(before[k] / FULL, 2), to: num(after[k] / FULL, 2),
  });
}

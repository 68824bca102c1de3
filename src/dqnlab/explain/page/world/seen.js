/**
 * Pictures among the numbers of an observation. A picture: {name, start, shape, rows: its axis, black, white}, the newest
 * of a stack that begins at `first`.
 */

const SMALLEST = 160; // pixels of the page that the longer side takes at least

export const sizeOf = ({ shape }) => shape.reduce((product, side) => product * side, 1);

/** [height, width] in its own pixels. */
export const sidesOf = ({ shape, rows }) => [shape[rows], shape[rows + 1]];

/** Whether number i of an observation is a pixel of its pictures, older ones included. */
export const isPixel = ({ pictures }, i) => pictures.some((each) => i >= each.first && i < each.start + sizeOf(each));

/**
 * Its pixels as [red, green, blue, …], 0 to 255, row after row: three channels of one axis are colours, of others the
 * brightest counts.
 */
export function pixels(picture, obs) {
  const { start, shape, rows, black, white } = picture;
  const [height, width] = sidesOf(picture);
  const after = shape.slice(rows + 2).reduce((product, side) => product * side, 1);
  const before = shape.slice(0, rows).reduce((product, side) => product * side, 1);
  const colours = shape.length === 3 && before * after === 3;
  const bright = (value) => Math.round(255 * Math.min(Math.max((value - black) / (white - black || 1), 0), 1));
  const out = new Uint8ClampedArray(3 * height * width);
  for (let k = 0; k < height * width; k++) {
    const channels = [];
    for (let b = 0; b < before; b++) {
      for (let a = 0; a < after; a++) channels.push(obs[start + (b * height * width + k) * after + a]);
    }
    const most = Math.max(...channels);
    for (let c = 0; c < 3; c++) out[3 * k + c] = bright(colours ? channels[c] : most);
  }
  return out;
}

/** Draws it on a canvas, each pixel a square; returns the canvas. */
export function paintSeen(canvas, picture, obs) {
  const [height, width] = sidesOf(picture);
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  pixels(picture, obs).forEach((value, i) => { image.data[4 * Math.floor(i / 3) + (i % 3)] = value; });
  for (let k = 0; k < width * height; k++) image.data[4 * k + 3] = 255;
  canvas.getContext("2d").putImageData(image, 0, 0);
  const zoom = Math.max(SMALLEST / Math.max(width, height), 1);
  canvas.style.width = `${Math.round(zoom * width)}px`;
  return canvas;
}

/** A network on many points at once: for maps, which ask for thousands of values per picture. */

const MOST = 72; // points along one side
const LEAST = 32;
const BUDGET = 3e7; // multiplications in one picture: about a twentieth of a second for a textbook network
const turned = new WeakMap();

/** How many points along one side a network of these layers can be asked for without making the reader wait. */
export function sideFor(layers) {
  const each = layers.slice(1).reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 2 * layers[0].outputs);
  return Math.min(Math.max(Math.floor(Math.sqrt(BUDGET / each)), LEAST), MOST);
}

/**
 * Q-values on the plane through two features, the others held: {action, value (of the best), gap}, one number per
 * point, row by row from the first of `ys`. base: features [inputs]; i, j: which feature goes along xs, and along ys;
 * mask: the actions that are allowed [A], or null.
 */
export function grid(layers, base, { i, j, xs, ys }, mask = null) {
  const out = room(xs.length * ys.length);
  const work = makeWork(layers);
  const { inputs, outputs, weight, bias } = layers[0];
  const held = new Float64Array(outputs);
  for (let unit = 0; unit < outputs; unit++) {
    let sum = bias[unit];
    for (let k = 0; k < inputs; k++) if (k !== i && k !== j) sum += weight[unit * inputs + k] * base[k];
    held[unit] = sum;
  }
  let at = 0;
  for (const y of ys) {
    for (const x of xs) {
      const first = work.sums[0];
      for (let unit = 0; unit < outputs; unit++) {
        const place = unit * inputs;
        first[unit] = held[unit] + weight[place + i] * x + weight[place + j] * y;
      }
      keep(out, at++, barred(finish(work), mask));
    }
  }
  return out;
}

/** The same for given points, rows of features [count * inputs], each with a mask of its own where there are `masks`. */
export function atPoints(layers, points, masks = null) {
  const { inputs, outputs, weight, bias } = layers[0];
  const count = points.length / inputs;
  const out = room(count);
  const work = makeWork(layers);
  for (let at = 0; at < count; at++) {
    for (let unit = 0; unit < outputs; unit++) {
      let sum = bias[unit];
      for (let k = 0; k < inputs; k++) sum += weight[unit * inputs + k] * points[at * inputs + k];
      work.sums[0][unit] = sum;
    }
    keep(out, at, barred(finish(work), masks?.[at]));
  }
  return out;
}

/** The same for every state of a discrete observation, all with one mask: state s switches on the one feature s. */
export function atStates(layers, count, mask = null) {
  const points = new Float64Array(count * count);
  for (let state = 0; state < count; state++) points[state * count + state] = 1;
  return atPoints(layers, points, new Array(count).fill(mask));
}

function room(count) {
  return { action: new Uint8Array(count), value: new Float32Array(count), gap: new Float32Array(count) };
}

/** Room for the sums of every layer, and the weights of all but the first turned round: [in, out]. */
function makeWork(layers) {
  if (!turned.has(layers)) turned.set(layers, layers.map(turn));
  return { layers, columns: turned.get(layers), sums: layers.map(({ outputs }) => new Float64Array(outputs)) };
}

function turn({ inputs, outputs, weight }, depth) {
  if (depth === 0) return null;
  const out = new Float64Array(weight.length);
  for (let j = 0; j < outputs; j++) for (let k = 0; k < inputs; k++) out[k * outputs + j] = weight[j * inputs + k];
  return out;
}

/** From the sums of the first layer to the Q-values. Units that are off are passed over: mostly every other one. */
function finish({ layers, columns, sums }) {
  for (let depth = 1; depth < layers.length; depth++) {
    const { inputs, outputs, bias } = layers[depth];
    const [below, here, weight] = [sums[depth - 1], sums[depth], columns[depth]];
    here.set(bias);
    for (let k = 0; k < inputs; k++) {
      const x = below[k];
      if (x <= 0) continue;
      const place = k * outputs;
      for (let j = 0; j < outputs; j++) here[j] += x * weight[place + j];
    }
  }
  return sums[layers.length - 1];
}

/** Values in which those of forbidden actions have become -Infinity. */
function barred(q, mask) {
  mask?.forEach((allowed, a) => { if (allowed === 0) q[a] = -Infinity; });
  return q;
}

function keep(out, at, q) {
  let best = 0;
  let second = -Infinity;
  for (let a = 1; a < q.length; a++) {
    if (q[a] > q[best]) {
      second = q[best];
      best = a;
    } else if (q[a] > second) second = q[a];
  }
  out.action[at] = best;
  out.value[at] = q[best];
  out.gap[at] = second === -Infinity ? 0 : q[best] - second;
}

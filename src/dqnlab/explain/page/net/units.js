/** The units of a network: what they add up, and which of them never say anything. */

const BUDGET = 1e8; // multiplications spent on looking for dead units: about a tenth of a second

/**
 * How unit `unit` of layer `layer` comes to its number: {terms: [{from, weight, x, product}] the largest first,
 * rest: the sum of all others, bias, pre, post}. `inputs` are the numbers that the layer receives.
 */
export function dotProduct(network, passed, inputs, layer, unit, most) {
  const { weight, bias, inputs: width } = network.layers[layer];
  const all = Array.from({ length: width }, (_, from) => {
    const w = weight[unit * width + from];
    return { from, weight: w, x: inputs[from], product: w * inputs[from] };
  });
  all.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const terms = all.slice(0, most);
  const rest = all.slice(most).reduce((sum, { product }) => sum + product, 0);
  return {
    terms, rest, others: width - terms.length, bias: bias[unit], pre: passed.pre[layer][unit], post: passed.post[layer][unit],
  };
}

/**
 * Hidden units that are zero on all the observations looked at: {dead: [Uint8Array per hidden layer], seen, of}.
 * Long episodes and large networks are looked at in equal distances, so that nobody has to wait.
 */
export function findDead(network, observations) {
  const each = network.layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
  const every = Math.max(1, Math.ceil((observations.count * each) / BUDGET));
  const dead = network.layers.slice(0, -1).map(({ outputs }) => new Uint8Array(outputs).fill(1));
  let seen = 0;
  for (let i = 0; i < observations.count; i += every) {
    const { post } = network.forward(observations.at(i));
    dead.forEach((flags, layer) => post[layer].forEach((value, unit) => { if (value > 0) flags[unit] = 0; }));
    seen += 1;
  }
  return { dead, seen, of: observations.count };
}

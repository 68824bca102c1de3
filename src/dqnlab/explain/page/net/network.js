/** The run's networks in plain arithmetic: the same formula as PyTorch's, in double precision. */

/** net: {layers: [{weight [out, in], bias [out]}]}; null where the network was too large to come along. */
export function makeNetwork(net) {
  if (!net) return null;
  const layers = net.layers.map(({ weight, bias }) => ({
    inputs: weight.shape[1], outputs: weight.shape[0], weight: weight.data, bias: bias.data,
  }));
  const forward = (features) => run(layers, features);
  return {
    layers,
    sizes: [layers[0].inputs, ...layers.map((layer) => layer.outputs)],
    forward,
    qValues: (features) => forward(features).q,
    gradient: (features, ofQ) => backward(layers, forward(features), ofQ),
  };
}

/** {pre, post: what each layer computes before and after its relu; q: what the last one gives [A]}. */
function run(layers, features) {
  const pre = [];
  const post = [];
  let x = features;
  layers.forEach(({ inputs, outputs, weight, bias }, depth) => {
    const sums = new Float64Array(outputs);
    for (let j = 0; j < outputs; j++) {
      let sum = bias[j];
      for (let i = 0; i < inputs; i++) sum += weight[j * inputs + i] * x[i];
      sums[j] = sum;
    }
    x = depth === layers.length - 1 ? sums : sums.map((value) => Math.max(value, 0));
    pre.push(sums);
    post.push(x);
  });
  return { pre, post, q: x };
}

/** The gradient of sum(ofQ * Q) with respect to the features. */
function backward(layers, passed, ofQ) {
  let gradient = Float64Array.from(ofQ);
  for (let depth = layers.length - 1; depth >= 0; depth--) {
    const { inputs, outputs, weight } = layers[depth];
    const below = new Float64Array(inputs);
    for (let j = 0; j < outputs; j++) {
      if (gradient[j] === 0) continue;
      for (let i = 0; i < inputs; i++) below[i] += gradient[j] * weight[j * inputs + i];
    }
    if (depth > 0) {
      passed.pre[depth - 1].forEach((value, i) => { if (value <= 0) below[i] = 0; });
    }
    gradient = below;
  }
  return gradient;
}

/** The place of the largest number, the first of equals. */
export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** The best action and the second best, null if no other is allowed; of equals the first. */
export function bestTwo(q) {
  const best = argmax(q);
  const others = Array.from(q, (value, a) => (a === best ? -Infinity : value));
  const second = argmax(others);
  return { best, second: others[second] === -Infinity ? null : second };
}

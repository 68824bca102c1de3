/** What returns the best network expected of each action, as the page's data hold it. */

import { row } from "./codec.js";

/** {step, actions: [{action, at, share | level, mean}]} at step t or the one kept before it; null where there is none. */
export function outlookAt({ outlook }, t) {
  if (!outlook) return null;
  const { every, form, kept } = outlook;
  const place = Math.min(Math.floor(t / every), outlook.low.shape[0] - 1);
  const [low, high, packed] = [row(outlook.low, place), row(outlook.high, place), row(outlook.packed, place)];
  const size = packed.length / low.length;
  const at = outlook.at.data;
  const actions = Array.from(low, (least, i) => {
    const numbers = Float64Array.from(packed.subarray(i * size, (i + 1) * size), (x) => least + ((high[i] - least) * x) / 255);
    const action = kept ? row(kept, place)[i] : i;
    return form === "shares" ? { action, at, share: numbers, mean: meanOf(at, numbers) } : { action, at: numbers, level: at, mean: meanOf(numbers) };
  });
  return { step: place * every, form, actions };
}

/** The mean of values with these shares, or of equal ones. */
function meanOf(values, shares = null) {
  let [sum, total] = [0, 0];
  values.forEach((value, i) => {
    sum += value * (shares ? shares[i] : 1);
    total += shares ? shares[i] : 1;
  });
  return sum / (total || 1);
}

/** An axis for values of very different sizes: linear around zero, logarithmic far from it. */

const SQUASHED = 10; // times the usual size: beyond that most of a linear chart would lie in its lowest tenth
const APART = 1 / 9; // of the axis, between two of its numbers

/** {bend, ticks(low, high)} for `lineChart` where most of the values lie far below the largest; {} elsewhere. */
export function bent(values) {
  const sizes = Array.from(values).filter((value) => Number.isFinite(value) && value !== 0).map(Math.abs).sort((a, b) => a - b);
  const [usual, most] = [sizes[Math.floor((sizes.length - 1) / 2)], sizes.at(-1)];
  if (!(most > SQUASHED * usual)) return {};
  const unit = usual / 5;
  const bend = (value) => Math.asinh(value / unit);
  return { bend, ticks: (low, high) => numbers(low, high, unit, bend) };
}

/** Zero, and powers of ten with their double and fivefold where there is room. */
function numbers(low, high, unit, bend) {
  const powers = Array.from({ length: 40 }, (_, k) => 10 ** (k - 20)).filter((each) => each >= unit);
  const sizes = [1, 5, 2].flatMap((times) => powers.map((each) => times * each));
  const found = [];
  const room = APART * (bend(high) - bend(low));
  for (const value of [0, ...sizes, ...sizes.map((each) => -each)]) {
    if (value < low || value > high) continue;
    if (found.every((each) => Math.abs(bend(each) - bend(value)) >= room)) found.push(value);
  }
  return found.sort((a, b) => a - b);
}

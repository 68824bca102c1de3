/** Not drawn yet. */

export function mountDecision() {}

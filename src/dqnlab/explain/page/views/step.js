/** Not drawn yet. */

export function mountStep() {}

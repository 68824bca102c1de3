/** Not drawn yet. */

export function mountWorld() {}

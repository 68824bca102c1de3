/** Not drawn yet. */

export function mountYou() {}

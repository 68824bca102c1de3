/** Not drawn yet. */

export function mountInside() {}

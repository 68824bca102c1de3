/** Not drawn yet. */

export function mountMaps() {}

/** Not drawn yet. */

export function mountHealth() {}

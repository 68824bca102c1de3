/** Not drawn yet. */

export function mountCurve() {}

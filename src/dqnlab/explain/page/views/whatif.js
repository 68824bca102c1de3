/** Not drawn yet. */

export function mountWhatif() {}

/** Words in the reader's language, and numbers. */

export const LANGUAGES = { en: "English", "zh-Hant": "繁體中文" };

const HOLE = /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g;

/**
 * t(key, values): the text of a key with `{name}` filled in; a key that nobody knows is its own text.
 * `{name|step|steps}` is a number with what it counts: 1 step, 5 steps.
 */
export function makeWords(all, lang) {
  return (key, values = {}) => {
    const texts = Object.hasOwn(all, key) ? all[key] : null;
    if (texts === null) return String(key);
    return texts[lang].replace(HOLE, (whole, name, one, several) => {
      if (!Object.hasOwn(values, name)) return whole;
      const value = String(values[name]);
      return several === undefined ? value : `${value} ${value === "1" ? one : several}`;
    });
  };
}

/** A number with so many significant digits, without needless zeros; `–` for none. */
export function num(x, digits = 3) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e6 || size < 1e-4) return x.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  const text = x.toPrecision(digits);
  const plain = text.includes("e") ? String(Number(text)) : text;
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

/** The language to begin with: the browser's own if the page speaks it. */
export function preferred() {
  return navigator.languages?.some((each) => /^zh/i.test(each)) && !/^en/i.test(navigator.language) ? "zh-Hant" : "en";
}

/** Words in the reader's language, and numbers. */

export const LANGUAGES = { en: "English", "zh-Hant": "繁體中文" };

/** t(key, values): the text of a key with `{name}` filled in; a key that nobody knows is its own text. */
export function makeWords(all, lang) {
  return (key, values = {}) => {
    const texts = Object.hasOwn(all, key) ? all[key] : null;
    if (texts === null) return String(key);
    return texts[lang].replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
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

/** Words in the reader's language, and numbers. */

export const LANGUAGES = { en: "English", "zh-Hant": "繁體中文", "zh-Hans": "简体中文" };

const HOLE = /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g;

/**
 * `all`: of each key its texts, in the order of LANGUAGES.
 *
 * t(key, values): the text of a key with `{name}` filled in; a key that nobody knows is its own text.
 * `{name|step|steps}` is a number with what it counts: 1 step, 5 steps. `{pointer|point at|tap}` goes by the pointer:
 * one that can hover, or a finger.
 */
export function makeWords(all, lang) {
  const place = Object.keys(LANGUAGES).indexOf(lang);
  const finger = matchMedia("(hover: none)").matches;
  return (key, values = {}) => {
    const texts = Object.hasOwn(all, key) ? all[key] : null;
    if (texts === null) return String(key);
    return texts[place].replace(HOLE, (whole, name, one, several) => {
      if (name === "pointer") return finger ? several : one;
      if (!Object.hasOwn(values, name)) return whole;
      const value = String(values[name]);
      return several === undefined ? value : `${value} ${value === "1" ? one : several}`;
    });
  };
}

/** A number with so many significant digits, without needless zeros, from 1,000 on with commas; `–` for none. */
export function num(x, digits = 3) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e6 || size < 1e-4) return x.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  const text = x.toPrecision(digits);
  const plain = text.includes("e") ? String(Number(text)) : text;
  if (size >= 1e3) return Number(plain).toLocaleString("en", { maximumFractionDigits: 6 });
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

/** Sentences one after the other: Chinese ones need no space between them. */
export const sentences = (said, lang) => said.join(lang === "en" ? " " : "");

/** The language to begin with: the first of the browser's own that the page speaks. */
export function preferred(languages = navigator.languages ?? []) {
  for (const each of languages) {
    if (/^en\b/i.test(each)) return "en";
    if (/^zh\b/i.test(each)) return /hant|-(tw|hk|mo)\b/i.test(each) ? "zh-Hant" : "zh-Hans";
  }
  return "en";
}

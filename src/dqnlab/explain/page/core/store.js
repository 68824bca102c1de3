/** What the reader has chosen. It stands in the address after `#`, so that a link leads to the same moment. */

const BURST = 20;  // changes that are written at once, and then
const WAIT = 400;  // milliseconds for each: browsers refuse more than 100 in half a minute

export class Store {
  #values = new Map();
  #listeners = [];
  #defaults;
  #spent = 0;
  #latest = 0;
  #due = null;

  /** defaults: the value of every shared key while nobody has chosen; its type is the type of the key. */
  constructor(defaults) {
    this.#defaults = defaults;
    this.#read();
    addEventListener("hashchange", () => this.#read());
  }

  get(key) {
    return this.#values.has(key) ? this.#values.get(key) : this.#defaults[key];
  }

  /** Whether somebody has chosen it, here or in the address. */
  chosen(key) {
    return this.#values.has(key);
  }

  /** Declares a key with the value that it has while nobody has chosen. */
  declare(key, value) {
    this.#defaults[key] = value;
    if (this.#values.has(key)) this.#values.set(key, typed(this.#values.get(key), value));
  }

  /**
   * Changes several keys at once; listeners of those that differ are called once, after all have changed. What is not to
   * be `written` now goes into the address with whatever is chosen next. From an `entry` of its own the browser leads back.
   */
  set(changes, { written = true, entry = false } = {}) {
    const changed = Object.keys(changes).filter((key) => !Object.is(this.get(key), changes[key]));
    if (changed.length === 0) return;
    for (const key of changed) this.#values.set(key, changes[key]);
    if (entry) this.#write("pushState");
    else if (written) this.#writeSoon();
    this.#tell(changed);
  }

  /** Calls `listener` whenever one of the keys has changed, until the function that it returns is called. */
  on(keys, listener) {
    const entry = { keys, listener };
    this.#listeners.push(entry);
    return () => { this.#listeners = this.#listeners.filter((each) => each !== entry); };
  }

  /**
   * The store as one part of the page sees it: `close()` ends all its listening. While `asleep()` says so, the part is
   * not told that the key `t` moved; `wake()` tells what it missed.
   */
  scope(asleep = () => false) {
    const mine = [];
    const missed = new Set();
    return {
      get: (key) => this.get(key),
      chosen: (key) => this.chosen(key),
      set: (changes, how) => this.set(changes, how),
      declare: (key, value) => this.declare(key, value),
      on: (keys, listener) => {
        mine.push(this.on(keys, (changed) => {
          if (asleep() && changed.every((key) => key === "t")) missed.add(listener);
          else {
            missed.delete(listener);
            listener(changed);
          }
        }));
      },
      wake() {
        const late = [...missed];
        missed.clear();
        late.forEach((listener) => listener(["t"]));
      },
      close() {
        missed.clear();
        mine.splice(0).forEach((end) => end());
      },
    };
  }

  #tell(changed) {
    const due = this.#listeners.filter(({ keys }) => keys.some((key) => changed.includes(key)));
    for (const { listener } of due) listener(changed);
  }

  #read() {
    const before = new Map(this.#values);
    this.#values = new Map();
    for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
      this.#values.set(key, typed(text, this.#defaults[key]));
    }
    const keys = [...new Set([...before.keys(), ...this.#values.keys()])];
    const value = (map, key) => (map.has(key) ? map.get(key) : this.#defaults[key]);
    const changed = keys.filter((key) => !Object.is(value(before, key), value(this.#values, key)));
    if (changed.length) this.#tell(changed);
  }

  /** Writes at once, or a moment later if there was much to write lately, as while an episode plays. */
  #writeSoon() {
    if (this.#due !== null) return;
    const now = performance.now();
    this.#spent = Math.max(0, this.#spent - (now - this.#latest) / WAIT);
    this.#latest = now;
    if (this.#spent < BURST) {
      this.#spent += 1;
      this.#write();
    } else {
      this.#due = setTimeout(() => {
        this.#due = null;
        this.#writeSoon();
      }, 2 * WAIT);
    }
  }

  #write(how = "replaceState") {
    const chosen = [...this.#values].filter(([key, value]) => !Object.is(value, this.#defaults[key]));
    const text = new URLSearchParams(chosen.map(([key, value]) => [key, String(value)])).toString();
    try {
      history[how](null, "", `#${text}`);
    } catch {
      // Inside a notebook's frame there is no address to write to: the page works, only without links to moments.
    }
  }
}

/** A text from the address as the type of the default; the default itself where that fails. */
function typed(text, standard) {
  if (typeof standard !== "number" || typeof text === "number") return text;
  const value = Number(text);
  return Number.isFinite(value) ? value : standard;
}

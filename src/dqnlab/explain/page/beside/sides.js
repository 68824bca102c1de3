/** How the two runs are told apart: by a letter, and by line, never by a colour, for colours belong to actions. */

import { el } from "../core/dom.js";

export const LETTERS = ["A", "B"];

export const sideClass = (side) => `side-${LETTERS[side].toLowerCase()}`;

/** The letter of a run. */
export const badge = (side) => el("span", { class: `beside-badge ${sideClass(side)}` }, LETTERS[side]);

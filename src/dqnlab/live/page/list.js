/** The front page: every run there is, with filters, and the settings in which chosen ones differ. */

import { clear, el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { counted, hear, inEachLanguage, wordsNow } from "./kit.js";

const MOST = 12; // runs whose settings are shown beside each other
const now = { runs: null, text: "", status: "", chosen: new Set(), differing: null, lost: false };

function show() {
  const t = wordsNow();
  document.title = "dqnlab live";
  const text = el("input", {
    type: "search", value: now.text, placeholder: t("live.filter"), "aria-label": t("live.filter"),
    on: { input: (event) => { now.text = event.target.value; list(); } },
  });
  const states = ["running", "finished", "interrupted", "failed", "unfinished", "damaged"];
  const status = el("select", {
    "aria-label": t("live.status"), on: { change: (event) => { now.status = event.target.value; list(); } },
  }, el("option", { value: "" }, t("live.any")), states.map((each) =>
    el("option", { value: each, selected: each === now.status }, t(`live.${each}`))));
  clear(document.getElementById("page")).append(
    el("h1", {}, t("live.runs")), el("p", { class: "lead" }, t("live.lead")),
    el("div", { id: "list-said", role: "status" }),
    el("div", { class: "row filters" }, text, status, el("span", { id: "list-count", class: "muted" })),
    el("div", { class: "card wide", id: "list-runs" }),
    el("div", { id: "list-differing" }));
  list();
  differences();
}

/** Whether a run is asked for: every word that was typed stands somewhere in it. */
function taken(run) {
  const all = [run.name, run.env, run.preset, run.set, ...run.tags].join(" ").toLowerCase();
  return now.text.toLowerCase().split(/\s+/).every((word) => all.includes(word)) && (!now.status || run.status === now.status);
}

function list() {
  const t = wordsNow();
  clear(document.getElementById("list-said")).append(...(now.lost ? [el("p", { class: "warn" }, t("live.lost"))] : []));
  if (now.runs === null) return;
  const shown = now.runs.filter(taken);
  document.getElementById("list-count").textContent = t("live.shown", { shown: shown.length, all: now.runs.length });
  const columns = ["name", "env", "preset", "seeds", "status", "score", "env_steps", "set"];
  clear(document.getElementById("list-runs")).append(now.runs.length === 0 ? el("p", { class: "muted" }, t("live.none")) : el("table", {},
    el("thead", {}, el("tr", {}, el("td"), columns.map((name) => el("th", { scope: "col" }, t(`live.${name}`))))),
    el("tbody", {}, shown.map((run) => row(t, run)))));
}

function row(t, run) {
  const choose = el("input", {
    type: "checkbox", checked: now.chosen.has(run.id), "aria-label": t("live.choose", { name: run.name }),
    on: { change: (event) => pick(run.id, event.target.checked) },
  });
  return el("tr", {},
    el("td", {}, choose),
    el("td", {}, el("a", { href: `run/${run.id}/` }, run.name), run.tags.map((tag) => el("span", { class: "tag" }, tag))),
    el("td", {}, run.env),
    el("td", {}, run.preset),
    el("td", { class: "number" }, run.seeds.length > 1 ? `${run.seeds[0]}–${run.seeds.at(-1)}` : String(run.seeds[0] ?? "–")),
    el("td", {}, el("strong", { class: `dot ${run.status}` }, t(`live.${run.status}`))),
    el("td", { class: "number" }, run.score === null ? "–" : num(run.score, 4)),
    el("td", { class: "number" }, run.env_steps === null || run.env_steps === undefined ? "–" : counted(run.env_steps)),
    el("td", { class: "set" }, run.set));
}

function pick(id, on) {
  if (on) now.chosen.add(id);
  else now.chosen.delete(id);
  compare();
}

/** Takes the runs that there are by now; those that were removed are chosen no more. */
function take(runs) {
  now.runs = runs;
  const here = new Set(runs.map((run) => run.id));
  const gone = [...now.chosen].filter((id) => !here.has(id));
  gone.forEach((id) => now.chosen.delete(id));
  if (gone.length) compare();
  list();
}

async function compare() {
  const asked = [...now.chosen].slice(-MOST);
  const found = asked.length > 1 ? await settings(asked) : null;
  if (asked.join() !== [...now.chosen].slice(-MOST).join()) return; // others are chosen by now
  now.differing = found;
  differences();
}

/** The settings in which runs differ, or why they cannot be told. */
async function settings(asked) {
  const none = { differing: {}, asked: [] };
  try {
    const answer = await fetch(`settings?${asked.map((each) => `run=${each}`).join("&")}`);
    const found = await answer.json();
    return answer.ok ? { ...found, asked } : { ...none, errors: [found.error ?? String(answer.status)] };
  } catch {
    return { ...none, errors: [wordsNow()("live.lost")] };
  }
}

function differences() {
  const t = wordsNow();
  const place = clear(document.getElementById("list-differing"));
  if (now.differing === null) return;
  const { differing, errors, asked } = now.differing;
  const names = new Map(now.runs.map((run) => [run.id, run.name]));
  const rows = Object.entries(differing);
  place.append(el("div", { class: "card wide" },
    el("h2", {}, t("live.differing")),
    errors.map((text) => el("p", { class: "warn" }, text)),
    asked.length === 0 ? null : rows.length === 0 ? el("p", {}, t("live.equal")) : el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("live.setting")),
        asked.map((id) => el("th", { scope: "col" }, names.get(id) ?? id)))),
      el("tbody", {}, rows.map(([name, values]) => el("tr", {},
        el("td", {}, name), asked.map((id) => el("td", { class: "number" }, values[id] ?? "–"))))))));
}

inEachLanguage(show);
hear("runs", { runs: take }, (lost) => { now.lost = lost; list(); });

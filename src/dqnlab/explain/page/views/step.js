/** One learning step: the machine, and the stages of an update with all their numbers and switches. */

import { clear, el } from "../core/dom.js";
import { actionName } from "../core/naming.js";
import { placeIn } from "../core/page.js";
import { makeMachine } from "./machine.js";
import { makeStep, TRUNCATED } from "./stepmath.js";
import { sequenceTable } from "./stepsources.js";
import { stagesOf } from "./stepstages.js";
import { clearest, isRecorded, STOPS } from "./stops.js";

const KEYS = ["step.row", "step.double", "step.n", "step.huber", "step.trunc"];
const STAGES_OF = { // where the numbers of each stop are to be found
  reward: ["choose", "store"], sum: ["store"], stored: ["store"], drawn: ["sample"], weight: ["prediction"], prediction: ["prediction"],
  choose: ["target"], next: ["target"], discount: ["target"], added: ["target"], goal: ["target"], error: ["loss"], loss: ["loss"],
  update: ["gradient", "update"], after: ["update"], sync: ["sync"],
};

export function mountStep(root, page) {
  const { data, store, t } = page;
  if (!data.moment) {
    root.append(el("p", { class: "muted closed" }, t(data.run.imported ? "main.elsewhere" : "step.nothing")));
    return null;
  }
  const step = makeStep(data.moment, data.obs);
  const { own } = step;
  store.declare("step.row", clearest(step));
  store.declare("step.stop", STOPS[0]);
  store.declare("step.every", 0);
  store.declare("step.double", Number(own.double));
  store.declare("step.n", own.n);
  store.declare("step.huber", Number(own.huber));
  store.declare("step.trunc", 0);
  const another = () => store.set({ "step.row": (readState(store, step).chosen + 1) % step.count, "step.stop": STOPS[0] });
  const machine = makeMachine(page, step, another);
  const stages = el("div");
  const every = el("details", {
    class: "step-every", on: { toggle: () => {
      if (page.level !== "story" || store.get("step.every") === Number(every.open)) return;
      store.set({ "step.every": Number(every.open) });
      if (every.open) every.scrollIntoView({ block: "nearest" }); // else it opens below the screen, and nothing seems to happen
    } },
  }, el("summary", {}, t("step.every")), stages);
  root.append(...recordedAt(page, step), machine.node, every);
  const isOpen = () => page.level === "numbers" || store.get("step.every") === 1;
  const walk = () => {
    machine.update(readState(store, step));
    const now = STAGES_OF[machine.stop()];
    stages.querySelectorAll(".step-stages > li").forEach((each) => (
      each.classList.toggle("step-now", now.some((id) => each.classList.contains(`step-${id}`)))));
  };
  const draw = () => {
    every.open = isOpen();
    keeping(stages, () => clear(stages).append(...(isOpen() ? content(page, step, readState(store, step)) : [])));
    walk();
  };
  store.on([...KEYS, "step.every"], draw);
  store.on(["step.stop"], walk);
  draw();
  return machine.close;
}

/** When in the run the shown steps were kept; nothing where no env steps were counted. */
function recordedAt({ data: { run }, t }, { moment }) {
  const of = Math.max(run.env_steps, moment.env_step);
  if (!(moment.env_step > 0)) return [];
  const [step, steps] = [moment.env_step, of].map((each) => each.toLocaleString("en"));
  return [el("p", { class: "muted step-recorded story-only" }, t("step.recorded_at", { step, steps }))];
}

/** What the reader has chosen; what an address says beyond that is put right. */
function readState(store, step) {
  const n = store.get("step.n");
  const chosen = placeIn(store.get("step.row"), step.count);
  const switches = !step.known ? step.own : {
    double: store.get("step.double") === 1, huber: store.get("step.huber") === 1, trunc: store.get("step.trunc") === 1,
    n: step.choices.includes(n) ? n : step.own.n,
  };
  const all = Array.from({ length: step.count }, (_, i) => step.recompute(i, switches));
  const same = Object.keys(switches).every((key) => switches[key] === step.own[key]);
  return { chosen, switches, all, now: all[chosen], same };
}

/** Redraws, and leaves the focus and the table where they were. */
function keeping(root, draw) {
  const focused = root.contains(document.activeElement) ? document.activeElement.id : "";
  const top = root.querySelector(".scroll")?.scrollTop ?? 0;
  draw();
  const table = root.querySelector(".scroll");
  if (table) table.scrollTop = top;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function content(page, step, state) {
  const { t, num } = page;
  const { moment } = step;
  const saidOf = (id) => (id === "choose" ? exploring(page, step) : t(`step.${id}_${variantOf(moment, id, state.chosen)}`));
  const cards = stagesOf(moment).map(({ id, draw }) => card(page, id, saidOf(id), (explained) => (
    draw === null ? drawn(page, step, state) : draw({ page, step, state, explained }))));
  return [
    el("p", { class: "said numbers-only" }, t("step.when", {
      update: (moment.updates + 1).toLocaleString("en"), steps: moment.env_step.toLocaleString("en"),
    })),
    el("div", { class: "numbers-only" }, controls(page, step, state),
      state.same ? "" : el("p", { class: "said warn step-later" }, t("step.later_stages", { loss: num(moment.loss, 6) }))),
    el("ol", { class: "step-stages" }, cards),
  ].filter((each) => each !== null);
}

/** Which words of a stage are true of this memory, and of this row of it. */
function variantOf(moment, id, chosen) {
  const { sequences, returns, rows } = moment;
  if (id === "store" && isRecorded(moment, chosen)) return "recorded";
  const kind = sequences ? "sequences" : returns ? "rollout" : rows.demonstrated ? "recorded" : "said";
  const own = { store: ["sequences", "rollout"], sample: ["sequences", "rollout", "recorded"], target: ["rollout"] };
  return own[id]?.includes(kind) ? kind : "said";
}

/** The batch, and the sequence that the chosen row is in. */
function drawn(page, step, state) {
  const { moment } = step;
  return el("div", {}, batchTable(page, step, state), moment.sequences ? sequenceTable(page, moment, state) : "");
}

/** How the agent comes to take other actions than the best one. */
function exploring({ t, num, lang }, { settings: { noisy, temperature }, moment: { epsilon } }) {
  if (!noisy && temperature === null) return t("step.choose_said");
  const said = [
    t("step.choose_rates"),
    temperature === null ? "" : t("step.choose_drawn", { temperature: num(temperature, 6) }),
    noisy ? t("step.choose_noisy") : "",
    epsilon > 0 ? t("step.choose_random") : "",
  ];
  return said.filter((each) => each).join(lang === "en" ? " " : "");
}

/** A stage. Its numbers explain themselves in its last line when they are hovered or focused. */
function card({ t, num }, id, said, draw) {
  const formula = el("p", { class: "step-formula number", "aria-live": "polite" }, t("step.hover"));
  const explained = (value, text, key = "") => {
    const show = () => {
      formula.textContent = text;
      formula.classList.add("filled");
    };
    return el("span", {
      class: "number step-number", tabindex: 0, id: key ? `step-${id}-${key}` : null, on: { mouseenter: show, focus: show },
    }, num(value, 6));
  };
  return el("li", { class: `card step-${id}` },
    el("h3", {}, t(`step.${id}`)), el("p", { class: "said" }, said), draw(explained), id === "sample" ? null : formula);
}

function controls({ store, t }, step, { switches, all }) {
  const box = (key, on) => el("label", { class: "step-switch" },
    el("input", {
      type: "checkbox", id: `step-switch-${key}`, checked: on,
      on: { change: (event) => store.set({ [`step.${key}`]: Number(event.target.checked) }) },
    }), ` ${t(`step.switch_${key}`)}`);
  const options = step.choices.map((n) => el("option", { value: n, selected: n === switches.n }, n));
  const reset = () => store.set({
    "step.double": Number(step.own.double), "step.n": step.own.n, "step.huber": Number(step.own.huber), "step.trunc": 0,
  });
  if (!step.known) return el("p", { class: "card muted" }, t(step.told ? "step.no_switches" : "step.not_recomputed"));
  const truncated = Array.from(step.moment.rows.end.data).filter((end) => end === TRUNCATED).length;
  const known = all.filter((each) => each !== null).length;
  return el("div", { class: "card step-controls" },
    el("div", { class: "row" },
      box("double", switches.double),
      el("label", { class: "step-switch" }, "n ", el("select", {
        id: "step-switch-n", on: { change: (event) => store.set({ "step.n": Number(event.target.value) }) },
      }, options)),
      box("huber", switches.huber), box("trunc", switches.trunc),
      el("button", { type: "button", id: "step-reset", on: { click: reset } }, t("step.reset"))),
    el("p", { class: "muted" }, t("step.truncated_rows", { truncated, rows: step.count }),
      known < step.count ? ` ${t("step.unknown_rows", { missing: step.count - known, n: switches.n })}` : ""));
}

function batchTable(page, step, { chosen, all, same }) {
  const { store, t, num } = page;
  const { rows } = step.moment;
  const recorded = rows.demonstrated !== null;
  const names = ["row", ...(recorded ? ["recorded"] : []), "action", step.settings.n === 1 ? "reward" : "rewards", "end", "prediction", "target", ...(same ? [] : ["now"]), "error", "loss"];
  const line = (i) => {
    const now = all[i];
    const press = () => store.set({ "step.row": i });
    const cells = [rows.prediction.data[i], rows.target.data[i], ...(same ? [] : [now?.target]), now?.error, now?.loss];
    return el("tr", { class: i === chosen ? "step-chosen" : null },
      el("td", {}, el("button", {
        type: "button", id: `step-row-${i}`, "aria-pressed": String(i === chosen), on: { click: press },
      }, i)),
      recorded ? el("td", {}, rows.demonstrated.data[i] ? "✓" : "") : null,
      el("td", { class: "number" }, actionName(page, rows.action.data[i])),
      el("td", { class: "number" }, num(rows.reward.data[i], 4)),
      el("td", {}, t(`step.end_${rows.end.data[i]}`)),
      cells.map((value) => el("td", { class: "number" }, num(value, 5))));
  };
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("step.sample") }, el("table", {},
    el("thead", {}, el("tr", {}, names.map((name) => (
      el("th", { scope: "col", class: ["row", "recorded", "end"].includes(name) ? null : "number" }, t(`step.col_${name}`)))))),
    el("tbody", {}, Array.from({ length: step.count }, (_, i) => line(i)))));
}

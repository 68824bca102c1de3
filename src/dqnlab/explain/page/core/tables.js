/** Tables by keyboard: one Tab stop for each, and arrows between what can be reached in it. */

const STOPS = "a[href], button, [tabindex]";
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Looks after all tables below a node, those that are drawn later too; returns what ends it. */
export function tendTables(root) {
  const tend = () => root.querySelectorAll("table").forEach(tendOne);
  const watcher = new MutationObserver(tend);
  watcher.observe(root, { childList: true, subtree: true });
  root.addEventListener("keydown", move);
  tend();
  return () => watcher.disconnect();
}

const stopsOf = (table) => [...table.querySelectorAll(STOPS)].filter((stop) => !stop.disabled);

function tendOne(table) {
  const stops = stopsOf(table);
  if (stops.length < 2) return;
  const chosen = stops.find((stop) => stop === document.activeElement) ?? stops.find((stop) => stop.tabIndex === 0) ?? stops[0];
  for (const stop of stops) stop.tabIndex = stop === chosen ? 0 : -1;
}

function move(event) {
  const step = MOVES[event.key];
  const table = event.target.closest?.("table");
  if (!step || !table || !event.target.matches(STOPS) || event.altKey || event.ctrlKey || event.metaKey) return;
  const stops = stopsOf(table);
  const next = stops[stops.indexOf(event.target) + step];
  event.preventDefault();
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** What inputs and actions are called. */

/** The name of an action in the reader's language. */
export function actionName({ data, t }, action) {
  return t(data.actions[action] ?? String(action));
}

/** The class that gives an element the colour of an action. */
export function actionClass(action) {
  return `action-${action % 6}`;
}

/** The environment's own number of a state, which we count from 0. */
export const stateNumber = (data, state) => state + (data.obs.start ?? 0);

/** The name of a number that the first layer sees: an input, a state of a one-hot code, or just its place. */
export function featureName({ data, t }, i) {
  if (data.obs.num_states !== null) return t("inside.state", { state: stateNumber(data, i % data.obs.num_states) });
  return i < data.inputs.length ? t(data.inputs[i].name) : `x[${i}]`;
}

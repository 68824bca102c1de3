/** What an exported `agent` says to states: numbers, for each state whether it begins an episode, and its own. */
function answersOf(agent, about, numbers) {
  /** Numbers as the environment gives an observation: arrays in an object or array, or one array. */
  function given(obs) {
    if (!about.parts.length) return obs;
    const made = {};
    for (const [names, start, shape] of about.parts) {
      const part = obs.subarray(start, start + shape.reduce((product, size) => product * size, 1));
      if (!names.length) return part;
      let inside = made;
      for (const name of names.slice(0, -1)) inside = inside[name] ??= {};
      inside[names.at(-1)] = part;
    }
    return made;
  }

  const answers = [];
  for (let at = 0; at < numbers.length; at += about.inputs + 1) {
    if (about.remembers && numbers[at]) agent.reset();
    const row = numbers.subarray(at + 1, at + 1 + about.inputs);
    const mask = about.mask === null ? [] : [row.subarray(about.mask)];
    answers.push(...agent.values(given(row), ...mask), ...[agent.act(given(row), ...mask)].flat());
  }
  return Float32Array.from(answers);
}

if (typeof require === "function") {
  const fs = require("fs");
  const path = require("path");
  const [folder, aside] = process.argv.slice(2);
  const about = JSON.parse(fs.readFileSync(path.join(aside, "states.json"), "utf-8"));
  const bytes = fs.readFileSync(path.join(aside, "states.bin"));
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const answers = answersOf(require(path.resolve(folder, "agent.js")), about, numbers);
  fs.writeFileSync(path.join(aside, "answers.bin"), Buffer.from(answers.buffer));
}

/** Best of three: who won which round, and whether that decides it. */

const ROUNDS = 3;
const NEEDED = 2;

/** {add(winner), reset(), round: 1 to 3, wins(who), over(), winner()}; a winner is "you", "it" or "equal". */
export function makeScore() {
  let won = [];
  const wins = (who) => won.filter((each) => each === who).length;
  const over = () => won.length === ROUNDS || Math.max(wins("you"), wins("it")) === NEEDED;
  return {
    add: (winner) => { won.push(winner); },
    reset: () => { won = []; },
    round: () => Math.min(won.length + 1, ROUNDS),
    wins,
    over,
    winner: () => (wins("you") === wins("it") ? "equal" : wins("you") > wins("it") ? "you" : "it"),
  };
}

"""You against the network: keys steer one of two equal carts."""

from typing import Any

import pytest

from .conftest import Open, Opened
from .playing import balancing
from .sample import layers, network, sample

GAME = """
const { makeGame, steering } = modules["world/game.js"];
const { systems } = modules["world/systems.js"];
const data = modules["core/codec.js"].unpack(JSON.parse(document.getElementById("data").textContent));
const net = modules["net/network.js"].makeNetwork(data.networks.best);
const make = (keys = "cartpole", wait = 2) => makeGame({
  start: { system: systems.cartpole, params: data.world.params, state: [0, 0, 0.02, 0], limit: 500,
    seen: Float32Array.of(0, 0, 0.02, 0) },
  keys: steering[keys], qValues: (obs) => net.qValues(obs), wait,
});
"""


def steady(**changes: Any) -> dict[str, Any]:
    """A page whose best network balances."""
    return sample(networks={name: layers(balancing()) for name in ("best", "online", "target")}, **changes)


def play(opened: Opened, script: str) -> Any:
    """What a script with a clock of its own makes of a game."""
    return opened.page.evaluate(f"() => {{ {GAME} {script} }}")


def test_nothing_moves_before_the_countdown_is_over(open_page: Open) -> None:
    phases = play(
        open_page(steady()),
        """const game = make(); const seen = [game.tick().phase]; game.start();
        for (let i = 0; i < 3; i += 1) { game.tick(); seen.push(game.phase, game.you.steps); } return seen;""",
    )
    assert phases == ["ready", "countdown", 0, "playing", 0, "playing", 1]


def test_both_begin_in_the_same_state_and_the_same_keys_lead_the_same_way(open_page: Open) -> None:
    you, it, again = play(
        open_page(steady()),
        """const game = make(); const q = [];
        game.start(); game.tick(); game.tick();
        const equal = Array.from(game.you.state).join() === Array.from(game.it.state).join();
        while (game.phase !== "over") {
          const best = modules["net/network.js"].argmax(net.qValues(game.it.obs));
          game.hold(best ? "right" : "left"); game.release(best ? "right" : "left"); game.tick();
        }
        return [Array.from(game.you.state), Array.from(game.it.state), equal];""",
    )
    assert again
    assert you == it


def test_where_one_must_push_the_last_key_stays(open_page: Open) -> None:
    wanted = play(
        open_page(steady()),
        """const game = make(); const seen = [game.wanted()];
        for (const [what, key] of [["hold", "right"], ["release", "right"], ["hold", "left"], ["hold", "right"],
          ["release", "right"], ["release", "left"]]) { game[what](key); seen.push(game.wanted()); } return seen;""",
    )
    assert wanted == [0, 1, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("kind", ["mountaincar", "acrobot"])
def test_where_one_may_rest_no_key_is_the_neutral_action(open_page: Open, kind: str) -> None:
    wanted = play(
        open_page(steady()),
        f"""const game = make("{kind}"); const seen = [game.wanted()];
        for (const [what, key] of [["hold", "right"], ["hold", "left"], ["release", "left"], ["release", "right"]]) {{
          game[what](key); seen.push(game.wanted()); }} return seen;""",
    )
    assert wanted == [1, 2, 0, 2, 1]


def test_the_game_goes_on_until_both_have_ended(open_page: Open) -> None:
    you, it = play(
        open_page(steady()),
        """const game = make(); game.start();
        while (game.phase !== "over") game.tick();
        return [game.you, game.it].map(({ steps, total, ended }) => ({ steps, total, ended }));""",
    )
    assert you["ended"] == "terminated"
    assert you["steps"] == you["total"] < 20
    assert it == {"steps": 500, "total": 500, "ended": "truncated"}


def test_a_pause_stops_both_and_lets_go_of_the_keys(open_page: Open) -> None:
    seen = play(
        open_page(steady()),
        """const game = make("mountaincar", 0); game.start(); game.tick();
        game.hold("right"); game.tick(); game.pause();
        const before = [game.you.steps, game.it.steps]; game.tick(); game.tick();
        const after = [game.you.steps, game.it.steps]; const paused = game.phase; game.resume();
        return [before, after, paused, game.phase, game.wanted()];""",
    )
    assert seen == [[1, 1], [1, 1], "paused", "playing", 1]


def begin(opened: Opened) -> None:
    """Starts the game and lets the three seconds before the first step pass, by a clock that the test winds on."""
    opened.page.clock.install(time=0)
    opened.page.clock.pause_at(100)
    opened.page.evaluate("document.querySelector('#you button.primary').click()")
    assert opened.page.inner_text("#you .you-large") == "3 …"
    opened.page.clock.run_for(3080)
    assert opened.page.inner_text("#you .you-large") == "Go!"


def test_arrow_keys_steer_only_while_the_board_has_the_focus(open_page: Open) -> None:
    opened = open_page(steady())
    held = "document.querySelector('#you .you-pad.held').textContent"
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.evaluate(held) == "←"
    opened.page.focus("#you .you-board")
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.evaluate(held) == "→"
    assert opened.page.evaluate("scrollX") == 0


def test_a_game_is_played_to_its_end_and_played_again(open_page: Open) -> None:
    opened = open_page(sample(networks={name: layers(network(0)) for name in ("best", "online", "target")}))
    begin(opened)
    opened.page.clock.run_for(10_000)
    said = opened.page.inner_text("#you .you-large")
    assert said.startswith(("You win: ", "It wins: ", "A draw: "))
    opened.page.evaluate("document.querySelector('#you button.primary').click()")
    assert opened.page.locator("#you .you-said").first.inner_text() == "step 0, return 0"


def test_the_game_waits_when_the_board_loses_the_focus(open_page: Open) -> None:
    opened = open_page(steady())
    begin(opened)
    opened.page.focus("header select")
    assert opened.page.inner_text("#you .you-large") == "Paused."
    before = opened.page.locator("#you .you-said").nth(1).inner_text()
    opened.page.clock.run_for(1000)
    assert opened.page.locator("#you .you-said").nth(1).inner_text() == before
    opened.page.focus("#you .you-board")
    opened.page.keyboard.press(" ")
    opened.page.clock.run_for(500)
    assert opened.page.locator("#you .you-said").nth(1).inner_text() != before


def test_a_finger_on_the_buttons_steers(open_page: Open) -> None:
    opened = open_page(steady())
    opened.page.locator("#you .you-pad").nth(1).dispatch_event("pointerdown")
    assert opened.page.inner_text("#you .you-pad.held") == "→"


def test_a_world_without_physics_says_so_in_one_sentence(open_page: Open) -> None:
    opened = open_page(sample(world={"kind": "none", "params": {}}))
    assert "nobody can play it here" in opened.page.inner_text("#you .view")
    assert opened.page.locator("#you button").count() == 0

"""You against the network: keys steer one of two equal carts."""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Open, Opened
from .playing import balancing
from .sample import layers, sample

STOPPED: list[Opened] = []
GAME = """
const { makeGame, steering } = modules["world/game.js"];
const { systems } = modules["world/systems.js"];
const data = modules["core/codec.js"].unpack(JSON.parse(document.getElementById("data").textContent));
const net = modules["net/network.js"].makeNetwork(data.networks.best);
const make = (keys = "cartpole") => makeGame({
  start: { system: systems.cartpole, params: data.world.params, state: [0, 0, 0.02, 0], limit: 500,
    seen: Float32Array.of(0, 0, 0.02, 0) },
  keys: steering[keys], qValues: (obs) => net.qValues(obs),
});
"""


@pytest.fixture(autouse=True)
def time_goes_on() -> Iterator[None]:
    """Pages are shared: one whose clock a test has stopped would draw nothing in the next."""
    yield
    while STOPPED:
        STOPPED.pop().page.clock.resume()


def steady(**changes: Any) -> dict[str, Any]:
    """A page whose best network balances."""
    return sample(networks={name: layers(balancing()) for name in ("best", "online", "target")}, **changes)


def play(opened: Opened, script: str) -> Any:
    """What a script with a clock of its own makes of a game."""
    return opened.page.evaluate(f"() => {{ {GAME} {script} }}")


def test_nothing_moves_and_nothing_pushes_before_the_first_key(open_page: Open) -> None:
    seen = play(
        open_page(steady()),
        """const game = make(); const seen = [game.tick().phase, game.wanted()]; game.start();
        for (let i = 0; i < 3; i += 1) seen.push(game.tick().phase, game.you.steps);
        game.hold("right"); seen.push(game.wanted(), game.tick().phase, game.you.steps); return seen;""",
    )
    assert seen == ["ready", None, "armed", 0, "armed", 0, "armed", 0, 1, "playing", 1]


def test_both_begin_in_the_same_state_and_the_same_keys_lead_the_same_way(open_page: Open) -> None:
    you, it, again = play(
        open_page(steady()),
        """const game = make();
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
    assert wanted == [None, 1, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("kind", ["mountaincar", "acrobot"])
def test_where_one_may_rest_no_key_is_the_neutral_action(open_page: Open, kind: str) -> None:
    wanted = play(
        open_page(steady()),
        f"""const game = make("{kind}"); const seen = [game.wanted()];
        for (const [what, key] of [["hold", "right"], ["hold", "left"], ["release", "left"], ["release", "right"]]) {{
          game[what](key); seen.push(game.wanted()); }} return seen;""",
    )
    assert wanted == [1, 2, 0, 2, 1]


def test_when_you_have_lost_the_result_is_there_at_once(open_page: Open) -> None:
    you, it, winner = play(
        open_page(steady()),
        """const game = make(); game.hold("left");
        while (game.you.ended === null) game.tick();
        return [...[game.you, game.it].map(({ steps, total, ended }) => ({ steps, total, ended })), game.winner()];""",
    )
    assert you["ended"] == "terminated"
    assert you["steps"] == you["total"] < 20
    assert it == {"steps": 500, "total": 500, "ended": "truncated"}
    assert winner == "it"


def test_a_pause_stops_both_and_lets_go_of_the_keys(open_page: Open) -> None:
    seen = play(
        open_page(steady()),
        """const game = make("mountaincar"); game.hold("right"); game.tick(); game.pause();
        const before = [game.you.steps, game.it.steps]; game.tick(); game.tick();
        const after = [game.you.steps, game.it.steps]; const paused = game.phase; game.resume();
        return [before, after, paused, game.phase, game.wanted()];""",
    )
    assert seen == [[1, 1], [1, 1], "paused", "playing", 1]


def test_two_rounds_of_three_decide(open_page: Open) -> None:
    seen = open_page(steady()).module(
        "world/match.js",
        """argument.map((all) => { const score = m.makeScore(); const rounds = [];
          for (const each of all) { rounds.push(score.round()); score.add(each); }
          return [rounds, score.over(), score.winner()]; })""",
        [["it", "it"], ["you", "it"], ["you", "it", "you"], ["you", "equal", "it"]],
    )
    assert seen == [
        [[1, 2], True, "it"],
        [[1, 2], False, "equal"],
        [[1, 2, 3], True, "you"],
        [[1, 2, 3], True, "equal"],
    ]


def begin(opened: Opened) -> None:
    """Makes ready and pushes once, by a clock that the test winds on."""
    opened.page.clock.install(time=0)
    opened.page.clock.pause_at(100)
    STOPPED.append(opened)
    opened.page.evaluate("document.querySelector('#you button.primary').click()")
    assert opened.page.inner_text("#you .you-large") == "Now ← or →."
    opened.page.clock.run_for(2000)
    assert steps(opened) == ["step 0, return 0"] * 2
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.inner_text("#you .you-large") == "Go!"


def steps(opened: Opened) -> list[str]:
    return opened.page.locator("#you .you-said").all_inner_texts()


def test_it_runs_in_slow_motion_unless_asked(open_page: Open) -> None:
    for hash, count in (("", 2), ("you.speed=1", 8)):  # of 50 steps a second
        opened = open_page(steady(), hash=hash)
        begin(opened)
        opened.page.clock.run_for(176)
        assert int(steps(opened)[1].split()[1].strip(",")) == pytest.approx(count, abs=1)


def test_a_round_is_played_to_its_end_and_the_next_one_waits_for_its_first_key(open_page: Open) -> None:
    opened = open_page(steady())
    begin(opened)
    opened.page.clock.run_for(5_000)
    assert opened.page.inner_text("#you .you-large").startswith("It wins: 500 against your ")
    assert opened.page.inner_text("#you .you-rounds") == "Round 1 of 3, 0 : 1"
    assert opened.page.inner_text("#you button.primary") == "Next round"
    opened.page.evaluate("document.querySelector('#you button.primary').click()")
    assert steps(opened)[0] == "step 0, return 0"
    assert opened.page.inner_text("#you .you-rounds") == "Round 2 of 3, 0 : 1"
    opened.page.keyboard.press("ArrowLeft")
    opened.page.clock.run_for(5_000)
    assert opened.page.inner_text("#you .you-large").endswith("The match is the network's.")
    assert opened.page.inner_text("#you button.primary") == "New match"


@pytest.mark.parametrize("width", [390, 1100])
def test_nothing_moves_under_a_thumb_at_the_first_push(open_page: Open, width: int) -> None:
    page = open_page(steady(), width=width).page
    button, pads = page.locator("#you .you-go"), page.locator("#you .you-pad")

    def place() -> float:
        page.evaluate("new Promise(requestAnimationFrame)")
        return float(page.evaluate("document.querySelector('#you .you-pad').getBoundingClientRect().top + scrollY"))

    before = place()
    button.click()
    assert not button.is_visible()
    assert place() == before
    pads.nth(1).dispatch_event("pointerdown")
    assert button.inner_text() == "Pause"
    assert place() == before


def test_the_game_waits_when_the_board_loses_the_focus(open_page: Open) -> None:
    opened = open_page(steady())
    begin(opened)
    opened.page.focus("select.choose-lang")
    assert opened.page.inner_text("#you .you-large") == "Paused."
    before = steps(opened)
    opened.page.clock.run_for(1000)
    assert steps(opened) == before
    opened.page.focus("#you .you-board")
    opened.page.keyboard.press(" ")
    opened.page.clock.run_for(500)
    assert steps(opened) != before


def test_a_finger_on_the_buttons_steers(open_page: Open) -> None:
    opened = open_page(steady())
    opened.page.locator("#you .you-pad").nth(1).dispatch_event("pointerdown")
    assert opened.page.inner_text("#you .you-pad.held") == "→"
    opened.page.locator("#you .you-stage").dispatch_event("pointerdown", {"clientX": 1, "clientY": 1})
    assert opened.page.inner_text("#you .you-pad.held") == "←"


@pytest.mark.parametrize("lacks", ["world", "networks", "episodes"])
def test_where_nobody_can_play_there_is_no_duel_and_no_way_to_it(open_page: Open, lacks: str) -> None:
    none = {
        "world": {"kind": "none", "params": {}},
        "networks": dict.fromkeys(("best", "online", "target")),
        "episodes": [],
    }
    page = open_page(sample(**{lacks: none[lacks]}), hash="at=you").page
    assert page.locator("#you, [data-at=you]").count() == 0
    assert page.locator("nav a").count() == 8

"""Torsos that remember, against torch's own cells, numbers worked out by hand, and one step after the other."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqnlab.learn.encoder import Encoder
from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.layers import Branch, MakeLayer, NoisyLayer, PlainLayer
from dqnlab.learn.networks import LinearStream, QNetwork, initialise
from dqnlab.learn.policy import make_actor
from dqnlab.learn.recurrent import Cell, GruCell, LstmCell, RecurrentTorso, SequenceEncoder
from dqnlab.learn.types import NOTHING, ObsSpec, Sequences
from dqnlab.learn.weights import dead_units

CELLS: dict[str, Callable[[int, int], Cell]] = {"gru": GruCell, "lstm": LstmCell}


def plain(inputs: int, outputs: int, after: int) -> PlainLayer:
    return PlainLayer(inputs, outputs)


def made(cell: str, hidden: tuple[int, ...] = (5,), burn_in: int = 2, make: MakeLayer = plain) -> QNetwork:
    """A network of 3 numbers, with 4 recurrent units and 2 actions."""
    sizes = [3, *hidden]
    torso = RecurrentTorso(Branch(sizes, make), CELLS[cell](sizes[-1], 4), 4, burn_in)
    encode = SequenceEncoder(Encoder(ObsSpec((3,), np.dtype(np.float32))), torso.state_size)
    return QNetwork(encode, torso, LinearStream(4, 2, 1), ScalarHead(), torch.Generator().manual_seed(1))


def sequences(network: QNetwork, num: int, length: int, at: list[list[int]], seed: int = 0) -> Sequences:
    """Some, of which every fourth observation begins an episode."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(num, length, 3, generator=generator)
    first = torch.rand(num, length, generator=generator) < 0.25
    state = torch.randn(num, network.torso.state_size, generator=generator)
    return Sequences(frames, first, state, torch.tensor(at))


# ── One step ─────────────────────────────────────────────────────────────────────────────────────


def set_to(cell: Cell, new: list[float], old: list[float], bias: float = 0.0) -> None:
    with torch.no_grad():
        for layer, weights in zip(cell.children(), (new, old), strict=True):
            assert isinstance(layer, nn.Linear)
            layer.weight[:, 0] = torch.tensor(weights)
            layer.bias.fill_(bias)


def test_one_step_of_a_gru_is_what_it_is_by_hand() -> None:
    """x = 1, h = 0.5: reset = s(1 * 1 + 2 * 0.5) = s(2) = 0.880797, update = s(0 - 1 * 0.5) = s(-0.5) = 0.377541.

    candidate = tanh(0.5 + 0.880797 * 3 * 0.5) = tanh(1.821196) = 0.948957; h' = 0.622459 * 0.948957 + 0.377541 * 0.5.
    """
    cell = GruCell(1, 1)
    set_to(cell, new=[1.0, 0.0, 0.5], old=[2.0, -1.0, 3.0])
    after = cell.step(cell.new(torch.tensor([[1.0]])), torch.tensor([[0.5]]))
    assert after.item() == pytest.approx(0.7794578, abs=1e-6)


def test_one_step_of_an_lstm_is_what_it_is_by_hand() -> None:
    """x = 1, h = 0.5, c = 2: input = s(1) = 0.731059, forget = s(-1) = 0.268941, candidate = tanh(1) = 0.761594,
    output = s(0.5) = 0.622459; c' = 0.268941 * 2 + 0.731059 * 0.761594 = 1.094653, h' = 0.622459 * tanh(c').
    """
    cell = LstmCell(1, 1)
    set_to(cell, new=[0.0, -1.0, 0.5, 0.5], old=[2.0, 0.0, 1.0, 0.0])
    after = cell.step(cell.new(torch.tensor([[1.0]])), torch.tensor([[0.5, 2.0]]))
    assert after.tolist() == [pytest.approx([0.4970774, 1.0946529], abs=1e-6)]


def test_many_steps_are_those_of_torchs_own_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    for cell, theirs in ((GruCell(3, 4), nn.GRUCell(3, 4)), (LstmCell(3, 4), nn.LSTMCell(3, 4))):
        initialise(cell, generator)
        with torch.no_grad():
            for layer, end in ((cell.new, "ih"), (cell.old, "hh")):  # type: ignore[attr-defined]
                getattr(theirs, f"weight_{end}").copy_(layer.weight)
                getattr(theirs, f"bias_{end}").copy_(layer.bias)
        state = torch.randn(6, cell.state_size, generator=generator)
        for _ in range(5):
            x = torch.randn(6, 3, generator=generator)
            given = state if isinstance(theirs, nn.GRUCell) else state.chunk(2, 1)
            said = theirs(x, given)
            state = cell.step(cell.new(x), state)
            torch.testing.assert_close(state, said if isinstance(said, Tensor) else torch.cat(said, 1))


# ── Sequences ────────────────────────────────────────────────────────────────────────────────────


def test_the_rows_that_are_asked_about_come_sequence_by_sequence() -> None:
    frames = torch.arange(8.0).view(2, 4, 1)
    seen = Sequences(frames, torch.zeros(2, 4, dtype=torch.bool), torch.zeros(2, 1), torch.tensor([[1, 3], [0, 0]]))
    assert seen.rows.flatten().tolist() == [1, 3, 4, 4]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hidden", [(), (5,), (6, 5)])
def test_a_sequence_is_valued_as_one_observation_after_the_other(cell: str, hidden: tuple[int, ...]) -> None:
    network = made(cell, hidden)
    every = [list(range(9))] * 3
    seen = sequences(network, 3, 9, every)
    together = network.q_values(seen).view(3, 9, 2)
    actor = make_actor(network)
    actor.load_state_dict({"state": seen.state.numpy()})
    for step in range(9):
        q = actor(seen.frames[:, step].numpy(), seen.first[:, step].numpy())
        np.testing.assert_allclose(q, together[:, step].detach().numpy(), rtol=1e-5, atol=1e-6)
    asked = torch.tensor([[8, 0], [3, 3], [1, 2]])
    few = network.q_values(seen._replace(at=asked)).view(3, 2, 2)
    torch.testing.assert_close(few, together.gather(1, asked[..., None].expand(-1, -1, 2)))


@pytest.mark.parametrize("cell", CELLS)
def test_nothing_of_an_episode_reaches_the_next_one(cell: str) -> None:
    network = made(cell)
    seen = sequences(network, 4, 7, [[4, 5, 6]] * 4)
    first = torch.zeros(4, 7, dtype=torch.bool)
    first[:, 4] = True
    other = sequences(network, 4, 7, [[4, 5, 6]] * 4, seed=1)
    changed = torch.cat([other.frames[:, :4], seen.frames[:, 4:]], 1)
    one, two = Sequences(seen.frames, first, seen.state, seen.at), Sequences(changed, first, other.state, seen.at)
    assert torch.equal(network.q_values(one), network.q_values(two))
    assert not torch.equal(network.q_values(one._replace(first=first & False)), network.q_values(one))


def test_an_observation_by_itself_begins_an_episode() -> None:
    network, obs = made("lstm"), torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    actor = make_actor(network)
    actor(obs.numpy(), np.ones(5, bool))
    begun = torch.from_numpy(actor(obs.numpy(), np.ones(5, bool)))
    torch.testing.assert_close(network.q_values(obs).detach(), begun)
    assert not np.allclose(actor(obs.numpy(), np.zeros(5, bool)), begun)


# ── Burn-in ──────────────────────────────────────────────────────────────────────────────────────


def gradient(network: QNetwork, seen: Sequences) -> Tensor:
    network.zero_grad()
    network.q_values(seen).square().sum().backward()
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("cell", CELLS)
def test_burn_in_brings_the_memory_up_to_date_and_teaches_nothing(cell: str) -> None:
    """As if the sequence began behind it, with what the network itself remembers by then."""
    network = made(cell, burn_in=3)
    seen = sequences(network, 4, 7, [[3, 4, 5, 6]] * 4)
    with torch.no_grad():
        reached = network.torso.unroll(network.encode(seen), NOTHING)[:, 2]  # type: ignore[operator]
    behind = Sequences(seen.frames[:, 3:], seen.first[:, 3:], reached, torch.tensor([[0, 1, 2, 3]] * 4))
    whole = gradient(network, seen)
    torch.testing.assert_close(network.q_values(seen), network.q_values(behind))
    network.torso.burn_in = 0
    torch.testing.assert_close(whole, gradient(network, behind))
    assert not torch.allclose(whole, gradient(network, seen))  # without burn-in it learns from those steps, too


def test_burn_in_by_hand() -> None:
    """An LSTM whose cell only adds up: forget = output = 1, nearly, and candidate = 0.1 x.

    After 1, 2 | 3, 4 with burn-in 2 the cell holds the stored 5 + tanh(0.1) + tanh(0.2) + tanh(0.3) + tanh(0.4), and
    its derivative by the candidate's weight counts only 3 and 4: 3 (1 - tanh(0.3)^2) + 4 (1 - tanh(0.4)^2).
    """
    cell = LstmCell(1, 1)
    set_to(cell, new=[0.0, 0.0, 0.1, 0.0], old=[0.0, 0.0, 0.0, 0.0])
    with torch.no_grad():
        cell.new.bias[:] = torch.tensor([40.0, 40.0, 0.0, 40.0])
    torso = RecurrentTorso(Branch([1], plain), cell, 1, burn_in=2)
    frames, state = torch.tensor([1.0, 2, 3, 4]).view(1, 4, 1), torch.tensor([[0.0, 5.0]])
    seen = Sequences(frames, torch.zeros(1, 4, dtype=torch.bool), state, torch.tensor([[3]]))
    held = torso.unroll(seen, NOTHING)[0, 3, 1]
    assert held.item() == pytest.approx(5.968305, abs=1e-5)
    held.backward()
    assert cell.new.weight.grad is not None
    assert cell.new.weight.grad[2, 0].item() == pytest.approx(6.167966, abs=1e-4)


# ── As a network ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cell", CELLS)
def test_layers_before_it_may_be_noisy(cell: str) -> None:
    network = made(cell, make=lambda inputs, outputs, after: NoisyLayer(inputs, outputs, 0.5))
    seen = sequences(network, 2, 4, [[0, 1, 2, 3]] * 2)
    draw = network.draw(8, np.random.default_rng(0))
    assert len(draw) == network.num_draws(8) == 3 + 5
    assert not torch.equal(network.q_values(seen, draw), network.q_values(seen))
    drawn = [
        make_actor(network, np.random.default_rng(seed))(np.ones((2, 3), np.float32), np.ones(2, bool))
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_its_units_are_counted_as_dead_where_they_are_always_zero() -> None:
    network = made("gru")
    seen = sequences(network, 2, 4, [[0]] * 2)
    assert dead_units(network, seen) == 0
    with torch.no_grad():
        network.torso.branch.layers[0].linear.bias.fill_(-100.0)  # type: ignore[union-attr]
    assert dead_units(network, seen) == pytest.approx(5 / 9)


def test_an_actor_goes_on_from_what_another_one_remembered() -> None:
    network, rng = made("gru"), np.random.default_rng(0)
    one, other = make_actor(network), make_actor(network)
    obs = rng.normal(size=(6, 2, 3)).astype(np.float32)
    for step in range(3):
        one(obs[step], np.array([step == 0, step == 0]))
    other.load_state_dict(one.state_dict())
    for step in range(3, 6):
        first = np.array([False, step == 4])
        np.testing.assert_array_equal(one(obs[step], first), other(obs[step], first))
    assert one.remembers
    assert one.state is not None
    assert one.state.shape == (2, 4)

"""A nested state becomes JSON and arrays and comes back bit for bit; what is neither is refused."""

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load, save

from dqnlab.errors import CheckpointError
from dqnlab.store.checkpoint.pack import MAX_JSON, decode_arrays, dump_json, encode_arrays, pack, parse_json, unpack

DTYPES = ["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES += ["float16", "float32", "float64"]


def there_and_back(state: dict[str, Any]) -> dict[str, Any]:
    """By way of the bytes that lie on disk."""
    arrays, tree = pack(state)
    return unpack(decode_arrays(b"".join(encode_arrays(arrays))), parse_json(dump_json(tree)))


def same(one: Any, two: Any) -> bool:
    """Bit for bit, type for type; but a tuple counts as a list."""
    if isinstance(one, dict):
        return isinstance(two, dict) and list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(two) is list and len(one) == len(two) and all(map(same, one, two))
    if type(one) is not type(two):
        return False
    if isinstance(one, torch.Tensor):
        one, two = one.numpy(), two.numpy()
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", two)
    return one == two


# ── There and back ───────────────────────────────────────────────────────────────────────────────

arrays = st.sampled_from(DTYPES).flatmap(lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, min_side=0)))
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(math.nan)
plain |= st.text(st.characters(exclude_categories=()))
leaves = plain | arrays | arrays.map(torch.from_numpy) | arrays.filter(lambda a: a.size > 0).map(lambda a: a.flat[0])
states = st.dictionaries(
    st.text(), st.recursive(leaves, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(), s), max_leaves=12)
)


@settings(max_examples=25)
@given(states)
def test_any_state_comes_back_bit_for_bit(state: dict[str, Any]) -> None:
    assert same(state, there_and_back(state))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3)])
def test_arrays_and_tensors_of_every_dtype_and_shape_come_back(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    assert same({"a": array, "t": torch.from_numpy(array)}, there_and_back({"a": array, "t": torch.from_numpy(array)}))


def test_arrays_that_are_not_contiguous_or_of_foreign_byte_order_keep_their_values() -> None:
    array = np.arange(24, dtype=np.int32).reshape(4, 6)
    state = there_and_back({"t": array.T, "step": array[::2, ::-3], "big": array.astype(">i4")})
    assert same(state, {"t": array.T.copy(), "step": array[::2, ::-3].copy(), "big": array})


def test_generators_go_on_where_they_were() -> None:
    for bits in (np.random.PCG64(3), np.random.MT19937(3), np.random.Philox(3), np.random.SFC64(3)):
        rng = np.random.Generator(bits)
        rng.standard_normal(7, np.float32)
        state = there_and_back({"rng": bits.state})["rng"]
        expected = rng.random(5).tolist()
        bits.state = state
        assert rng.random(5).tolist() == expected
    generator = torch.Generator().manual_seed(1)
    state = there_and_back({"rng": generator.get_state()})["rng"]
    expected = torch.rand(3, generator=generator)
    generator.set_state(state)
    assert torch.equal(torch.rand(3, generator=generator), expected)


def test_tensors_come_back_writable_on_the_cpu_and_without_gradients() -> None:
    weight = there_and_back({"w": torch.nn.Parameter(torch.ones(2))})["w"]
    weight += 1
    assert type(weight) is torch.Tensor
    assert weight.tolist() == [2, 2]


def test_arrays_that_may_not_be_written_to_come_back_as_copies() -> None:
    array = np.zeros(2)
    array.flags.writeable = False
    state = unpack({"a": array, "t": array}, {"map": {"a": {"array": "a"}, "t": {"tensor": "t"}}})
    state["a"] += 1
    state["t"] += 1
    assert array.tolist() == [0, 0]


def test_a_packed_state_reads_as_it_looks() -> None:
    state = {"a.b": {"c/d": np.arange(2), "__metadata__": np.int64(7)}, "n": (1, 2.5, None), "big": -(2**64)}
    state |= {"inf": -math.inf, "w": torch.zeros(1)}
    arrays, tree = pack(state)
    assert {key: value.tolist() for key, value in arrays.items()} == {
        "a.b/c%2Fd": [0, 1],
        "a.b/%5F_metadata__": 7,
        "w": [0],
    }
    assert tree["map"]["a.b"] == {
        "map": {"c/d": {"array": "a.b/c%2Fd"}, "__metadata__": {"scalar": "a.b/%5F_metadata__"}}
    }
    assert tree["map"]["n"] == [1, 2.5, None]
    assert tree["map"]["big"] == {"int": "-0x10000000000000000"}
    assert tree["map"]["inf"] == {"float": "-inf"}
    assert tree["map"]["w"] == {"tensor": "w"}


def test_packing_copies_no_array() -> None:
    array, tensor = np.zeros(3), torch.zeros(3)
    arrays, _ = pack({"a": array, "t": tensor})
    assert np.shares_memory(arrays["a"], array)
    assert np.shares_memory(arrays["t"], tensor.numpy())


@settings(max_examples=25)
@given(st.dictionaries(st.text(st.characters(codec="utf-8")).filter(lambda s: s != "__metadata__"), arrays))
def test_arrays_are_written_as_the_safetensors_library_reads_them(columns: dict[str, np.ndarray]) -> None:
    back = load(b"".join(encode_arrays(columns)))
    assert same(columns, {name: back[name] for name in columns})
    assert decode_arrays(save(columns)).keys() == columns.keys()


def test_wide_numbers_come_first_so_that_each_lies_at_a_multiple_of_its_size() -> None:
    head, *columns = encode_arrays({"a": np.zeros(3, np.uint8), "b": np.ones(1), "c": np.zeros(0)})
    assert len(head) % 8 == 0
    assert [bytes(column) for column in columns] == [np.ones(1).tobytes(), bytes(3)]


# ── What is refused ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (object(), "object"),
        (np.array([None, {}]), "object"),
        (np.array(["text"]), "<U4"),
        (np.array([1j]), "complex128"),
        (np.zeros(2, "datetime64[s]"), "datetime64"),
        (np.ma.masked_array([1, 2], [0, 1]), "MaskedArray"),
        (torch.zeros(2, dtype=torch.bfloat16), "bfloat16"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
        ({1: "a"}, "key 1"),
        (1j, "complex"),
    ],
)
def test_what_is_neither_plain_nor_an_array_is_refused_by_its_place(value: Any, complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint) as e:
        pack({"env": {"secret": [value]}})
    assert "env/secret/0" in str(e.value)


def test_a_state_that_holds_itself_is_refused() -> None:
    state: dict[str, Any] = {}
    state["self"] = state
    with pytest.raises(CheckpointError, match="hold itself"):
        pack(state)


def test_a_column_may_not_take_the_name_that_safetensors_keeps_for_itself() -> None:
    with pytest.raises(CheckpointError, match="__metadata__"):
        b"".join(encode_arrays({"__metadata__": np.zeros(1)}))


def nested(depth: int) -> Any:
    tree: Any = []
    for _ in range(depth):
        tree = [tree]
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {"array": "a"},
        {"map": []},
        {"map": {"x": {}}},
        {"map": {"x": {"array": "a", "map": {}}}},
        {"map": {"x": {"array": "other"}}},
        {"map": {"x": {"array": ["a"]}}},
        {"map": {"x": {"array": "a"}, "y": {"array": "a"}}},
        {"map": {"x": {"scalar": "a"}}},
        {"map": {"x": {"object": "os.system"}}},
        {"map": {"x": {"array": "a"}, "y": {"int": "12"}}},
        {"map": {"x": {"array": "a"}, "y": {"int": "0x_1"}}},
        {"map": {"x": {"array": "a"}, "y": {"float": "1.0"}}},
        {"map": {"x": {"array": "a"}, "y": math.inf}},
        {"map": {"x": {"array": "a"}, "y": nested(200)}},
        {"map": {}},
    ],
)
def test_a_tree_that_means_nothing_is_refused(tree: Any) -> None:
    with pytest.raises(CheckpointError):
        unpack({"a": np.zeros(2)}, tree)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b"[Infinity]", b'{"a": 1, "a": 2}', b"\xff", b"[" * 10**5, b"1" * 5000],
)
def test_text_that_is_not_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(CheckpointError, match="not JSON"):
        parse_json(text)


def test_json_that_is_too_large_is_neither_read_nor_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_JSON == 2**26
    monkeypatch.setattr("dqnlab.store.checkpoint.pack.MAX_JSON", 10)
    assert parse_json(b" " * 9 + b"1") == 1
    with pytest.raises(CheckpointError, match="11 bytes"):
        parse_json(b" " * 10 + b"1")
    with pytest.raises(CheckpointError, match="use arrays"):
        dump_json("a" * 9)


def header(content: Any, data: bytes = b"") -> bytes:
    text = json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 64,
        header({"a": {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 2**62]}}),
        header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"1234"),
        header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"12345678"),
        header({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"12"),
        header({"a": {"dtype": "object", "shape": [1], "data_offsets": [0, 2]}}, b"12"),
    ],
)
def test_arrays_that_lie_about_themselves_are_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        decode_arrays(data)

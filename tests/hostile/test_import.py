"""`dqn import` of files made to do harm: each is refused in one message, or brought in as the weights that it holds."""

import base64
import io
import json
import os
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dqnlab.app.cli import main
from dqnlab.store.foreign import content

from ..foreign import SAID, chain, named, policy, sb3_zip, torch_bytes
from .conftest import BOMBS, DEEP, DIGITS, ESCAPES, PAYLOADS, torch_file, zipped
from .test_files import check_harmless

GOOD = policy(chain(4, 8, 2))
PLAIN = named(chain(4, 8, 2), "network")
BOMB = pickle.dumps(BOMBS["touch"])
CLOUD = {":type:": "<class 'function'>", ":serialized:": base64.b64encode(BOMB).decode()}


def archive(*members: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    """An agent's archive with members of its own, which may come twice."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that comes twice
        for name, data in members:
            opened.writestr(name, data)
    return made.getvalue()


def agent(said: Any = SAID, weights: Any = GOOD, **more: bytes) -> bytes:
    file = Path("made.zip")
    sb3_zip(file, weights, said, **more)
    return file.read_bytes()


DATA = ("data", json.dumps(SAID).encode())
POLICY = ("policy.pth", torch_bytes(GOOD))


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def encrypted() -> bytes:
    """The flag of encryption in both headers of policy.pth."""
    data = bytearray(archive(DATA, POLICY))
    for at in (data.rindex(b"PK\x03\x04") + 6, data.rindex(b"PK\x01\x02") + 8):
        data[at] |= 1
    return bytes(data)


def lying() -> bytes:
    """The central directory says that policy.pth has 100 bytes; it unpacks to 10 MB."""
    data = bytearray(archive(DATA, ("policy.pth", bytes(10**7)), how=zipfile.ZIP_DEFLATED))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(data)


def overlapping() -> bytes:
    """Torch's own archive, in which two members lie in the same bytes, and so hold more than the file."""
    data = torch_bytes(GOOD)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    return agent(weights=zipped(*members, ("archive/data/99", bytes(10**6)), how=zipfile.ZIP_DEFLATED))


def claiming() -> bytes:
    """Torch's old format, with one tensor said to have 2**30 numbers."""
    data = torch_bytes({"a.weight": torch.zeros(70_000)}, old=True)
    return data.replace(struct.pack("<cI", b"J", 70_000), struct.pack("<cI", b"J", 2**30))


class Trap:
    """Leaves a trace if anybody unpickles it."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("executed",)


REFUSED: dict[str, Callable[[], bytes]] = {
    **PAYLOADS,
    **{f"policy: {name}": (lambda make=make: agent(weights=make())) for name, make in PAYLOADS.items()},
    "policy of a bomb": lambda: agent(weights=torch_file(GOOD | {"x": BOMBS["system"]})),
    "policy twice": lambda: archive(DATA, POLICY, POLICY),
    "policy is a link": lambda: archive(DATA, (link("policy.pth"), b"/etc/passwd")),
    "policy is encrypted": encrypted,
    "policy is larger than it says": lying,
    "policy holds more than its bytes": overlapping,
    "policy in an archive of an archive": lambda: archive(("agent.zip", agent())),
    "data is a zip bomb": lambda: archive(("data", b" " * 10**8), POLICY, how=zipfile.ZIP_DEFLATED),
    "data is a pickle": lambda: agent(said=BOMB),
    "data is deep": lambda: agent(said=b"[" * DEEP),
    "data is deep tables": lambda: agent(said=b'{"a":' * DEEP),
    "data is an endless number": lambda: agent(said=f'{{"gamma": {DIGITS}}}'.encode()),
    "data is a list": lambda: agent(said=b"[]"),
    "data is no UTF-8": lambda: agent(said=b'{"\xff": 1}'),
    "torn": lambda: agent()[:-100],
    "many parts": lambda: archive(*[(f"{i}", b"") for i in range(content.MOST_PARTS + 1)]),
    "not finite": lambda: torch_file({name: w * torch.nan for name, w in PLAIN.items()}),
    "expanded to 2**50 numbers": lambda: torch_file(
        PLAIN | {"network.0.weight": torch.zeros(1, 1).expand(2**25, 2**25)}
    ),
    "on no device": lambda: torch_file(PLAIN | {"network.0.weight": torch.zeros(8, 4, device="meta")}),
    "sparse": lambda: torch_file(PLAIN | {"network.0.weight": torch.zeros(8, 4).to_sparse()}),
    "names that are numbers": lambda: torch_file({1: torch.zeros(1)}),
    "escapes in names": lambda: torch_file({ESCAPES: torch.zeros(2, 2, 2)}),
    "old format: a bomb": lambda: torch_bytes({"x": Trap()}, old=True),
    "old format: torn": lambda: torch_bytes(PLAIN, old=True)[:-20],
    "old format: not even a table": lambda: torch_bytes(PLAIN, old=True)[:40],
    "old format: claims 2**30 numbers": lambda: claiming(),
    "no parts": lambda: archive(),
    "data alone": lambda: archive(DATA),
    "policy climbs": lambda: archive(DATA, ("../policy.pth", POLICY[1])),
    "a network of a thousand layers": lambda: torch_file({f"l{i}.weight": torch.zeros(2, 2) for i in range(1_000)}),
}
TAKEN: dict[str, Callable[[], bytes]] = {
    "settings that are pickled": lambda: agent(SAID | dict.fromkeys(("policy_class", "lr_schedule", "gamma"), CLOUD)),
    "other parts that are pickled": lambda: agent(**{"pytorch_variables.pth": BOMB, "policy.optimizer.pth": BOMB}),
    "parts that climb": lambda: agent(**{"../../executed": b"x", "/tmp/executed": b"x", "..\\executed": b"x"}),
    "a version that is a bomb": lambda: agent(_stable_baselines3_version=BOMB),
    "settings that no run has": lambda: agent(
        SAID | {"gamma": "evil:X", "batch_size": 10**400, "seed": -1, "env": "evil:X"}
    ),
    "settings with escapes": lambda: agent(SAID | {ESCAPES: ESCAPES, "learning_rate": ESCAPES}),
    "settings out of range": lambda: agent(said=json.dumps(SAID | {"gamma": 1e999}).encode()),
    "arguments with escapes": lambda: torch_file({"model_weights": PLAIN, "args": {"gamma": ESCAPES, ESCAPES: 1}}),
}
WORDS = ["--env", "CartPole-v1", "--film", "0", "--score-episodes", "2", "--no-explain", "--quiet"]


@pytest.fixture(autouse=True)
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module within reach that must not be imported."""
    (tmp_path / "evil.py").write_text("import pathlib; pathlib.Path('executed').touch()")
    monkeypatch.syspath_prepend(tmp_path)


def untouched() -> bool:
    """Whether nothing was executed, and nothing was written beside the runs."""
    places = [Path("executed"), Path("../executed"), Path("../../executed"), Path("/tmp/executed")]
    return not any(os.path.lexists(place) for place in places)


@pytest.mark.parametrize("name", REFUSED)
def test_no_hostile_file_is_obeyed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("agent.zip").write_bytes(REFUSED[name]())
    code = main(["import", "agent.zip", *WORDS])
    assert code in (2, 4), code
    assert untouched()
    assert not Path("runs").exists()
    check_harmless(capsys, 1)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("policy twice", "holds 'policy.pth' twice, so nobody knows which counts"),
        ("policy is a link", "its part 'policy.pth' is a link"),
        ("policy is encrypted", "its part 'policy.pth' is encrypted"),
        ("policy holds more than its bytes", "claims to hold more than its"),
        ("policy in an archive of an archive", "a zip archive (agent.zip): unpack it first"),
        ("policy of a bomb", "its part 'policy.pth' is not a readable weights file: it is a pickled Python object"),
        ("old format: a bomb", "it is a pickled Python object of "),
        ("old format: torn", "it is in torch's format of before 1.6, but no sound one"),
        ("old format: claims 2**30 numbers", "claims to hold more than its"),
        ("no parts", "it is an empty zip archive"),
        ("data alone", "a zip archive without 'policy.pth', so no whole agent of Stable-Baselines3"),
        ("policy climbs", "whose part '../policy.pth' would be unpacked outside its folder"),
        ("policy: pickle touch", "is not a readable weights file"),
        ("data is a zip bomb", "its part 'data' claims to be 100,000,000 bytes"),
        ("data is deep", "its part 'data' is not JSON (RecursionError)"),
        ("many parts", "holds 10,001 parts: no agent does"),
        ("expanded to 2**50 numbers", "claims tensors larger than its"),
        ("a network of a thousand layers", "at most 100 layers"),
    ],
)
def test_a_refusal_says_what_is_wrong(name: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("agent.zip").write_bytes(REFUSED[name]())
    main(["import", "agent.zip", *WORDS])
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_hostile_beside_weights_is_never_looked_at(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("agent.zip").write_bytes(TAKEN[name]())
    assert main(["import", "agent.zip", *WORDS]) == 0
    assert untouched()
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    (folder,) = Path("runs").glob("*/*")
    assert json.loads((folder / "result.json").read_text())["score"]["episodes"] == 2


@pytest.mark.parametrize("kind", ["pipe", "link to nothing", "link to a device"])
def test_what_is_no_file_is_not_opened(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "pipe":
        os.mkfifo("agent.zip")
    else:
        Path("agent.zip").symlink_to("nowhere" if kind == "link to nothing" else os.devnull)
    assert main(["import", "agent.zip", *WORDS]) == 4
    check_harmless(capsys, 1)


def test_a_file_larger_than_any_network_is_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(content, "MOST_BYTES", 1_000)
    Path("agent.zip").write_bytes(agent())
    assert main(["import", "agent.zip", *WORDS]) == 4
    assert "has more than 1,000 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("said", [{"file": 5}, [], {"file": "x", "sha256": "x", "program": "x", "known": [1]}], ids=str)
def test_a_folder_that_lies_about_where_it_came_from_is_damaged(said: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Path("agent.zip").write_bytes(agent())
    assert main(["import", "agent.zip", *WORDS, "--out", "a"]) == 0
    about = json.loads(Path("a/meta.json").read_text()) | {"imported": said}
    Path("a/meta.json").write_text(json.dumps(about))
    capsys.readouterr()
    assert main(["explain", "a"]) == 2
    assert "imported cannot be" in capsys.readouterr().err

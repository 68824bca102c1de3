"""What a configuration sets otherwise than its preset, as a run writes it down when it begins."""

import json
from dataclasses import replace
from typing import Any

from dqnlab.config import Config, Steps, presets
from dqnlab.config.changes import changes, changes_text
from dqnlab.lab.session import train
from dqnlab.store.folder import META

from ..tiny import tiny


def test_training_writes_down_what_it_sets_otherwise_than_its_preset() -> None:
    run = train(replace(presets.get("cartpole"), **SHORT, n=3), trackers=())
    about = json.loads((run.folder / META).read_text())
    assert about["settings"]["n"] == 3
    assert "head" not in about["settings"]
    assert not {"seed", "compile", "film.episodes", "budget.num"} & about["settings"].keys()


SHORT: dict[str, Any] = {name: getattr(tiny(), name) for name in ("budget", "learning_starts", "film", "explain")}
SHORT |= {"batch_size": 16, "score_episodes": 2, "confirm_episodes": 2, "select_episodes": 2, "compile": "off"}
SHORT |= {"evaluate_every": Steps(num=300)}


def test_settings_are_shown_as_they_are_typed_without_what_a_kind_brings() -> None:
    config = replace(Config(), rule="munchausen", n=3, normalize_obs=True, sampler="prioritized")
    assert changes_text(changes(config)) == "normalize_obs=on rule:munchausen sampler:prioritized n=3"
    assert changes(presets.get("rainbow")) == {}


def test_what_json_has_no_word_for_is_written_down_as_text() -> None:
    env = replace(presets.get("cartpole").env, kwargs={"a": {"b": [float("inf"), 1]}, "c": float("nan")})
    told = changes(replace(presets.get("cartpole"), env=env))
    assert told == {"env.kwargs": {"a": {"b": ["inf", 1]}, "c": "nan"}}
    json.dumps(told, allow_nan=False)

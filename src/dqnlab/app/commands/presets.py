"""`dqn presets`."""

from __future__ import annotations

from ..arguments import Presets
from ..calls import Call
from ..preset_tables import preset_table, presets_table, presets_tree
from ..show import show


def run(call: Call[Presets]) -> int:
    name = call.args.name
    if call.args.tree:
        show(presets_tree(name))
    else:
        show(presets_table() if name is None else preset_table(name))
    return 0

"""Closing what was examined: one that fails then is a finding, not an end."""

from ...envs.guard import EnvironmentHangs, Guarded
from ...errors import EnvironmentFault
from .findings import Findings

ADVICE = "let it be called at any time, and twice; training continues, since the environment has done its work"


def close_told(made: list[Guarded], found: Findings) -> None:
    """Closes them and empties the list, so that others may be made even where only one can live."""
    while made:
        try:
            made.pop().close()
        except EnvironmentHangs as e:
            found.error("close", str(e))
        except EnvironmentFault as e:
            found.warning("close", str(e), ADVICE)

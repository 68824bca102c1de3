"""`dqnlab.report`: the page of a run, or of two side by side."""

from pathlib import Path

from ..config import AnyEnvironment
from ..config.typed import door
from ..store.find import find_run, read_run
from ..store.folder import Run
from .beside import parent_run, write_beside
from .report import Report, write_report


@door
def report(
    run: Run | Path | str = "latest",
    env: AnyEnvironment | None = None,
    out: Path | None = None,
    beside: Run | Path | str | None = None,
) -> Report:
    """Writes the page that explains a run, `report.html`; a notebook shows it.

    Args:
        run: a run, its folder, or `latest`.
        env: the run's environment, where a file cannot hold it.
        out: where to write it; defaults to the run's folder.
        beside: another run, whose agent plays the same episodes in step on a page of both, `beside-….html`; `parent`
            for the one that this was branched from.

    Returns:
        Where the page lies; in a notebook, the page itself.

    Raises:
        FolderError, CheckpointError: there is no such run, or its folder is damaged or holds no network yet.
        ConfigError, EnvironmentFault: the environment cannot be made, or does not fit the network; two runs are of
            different environments, or are the same run.
        ResourceError: the file cannot be written.
    """
    found = run if isinstance(run, Run) else read_run(find_run(run))
    if beside is None:
        return write_report(found, env, out=out)
    if beside == "parent":
        other = parent_run(found.folder)
    else:
        other = beside if isinstance(beside, Run) else read_run(find_run(beside))
    return write_beside(found, other, env, out=out)

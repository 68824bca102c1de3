"""What a finished run or group comes to, for a terminal or a log file."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ..envs.display import has_display
from ..errors import FolderError, NumericsError, all_of, counted
from ..explain.repairable import is_repairable
from ..lab.again import env_words, textbook_words, train_further, unlike_textbook
from ..lab.unfinished import SHOWN
from ..store.advice import command, from_start, how_to_resume, is_callable
from ..store.digits import interval_of, mean_of, number
from ..store.find import called
from ..store.folder import CONFIG, META, REPORT, VIDEOS, Run
from ..store.group import Group as SeedsGroup
from ..store.imported import UNKNOWN, origin_of
from ..store.label import read_label
from ..store.lineage import parent_of, read_parent
from ..store.reading import seconds_taken
from ..store.score import Score
from ..terminal.text import clean
from ..trust import shown

LABEL = "dim"
GOOD = "bold green"
BAD = "bold yellow"


def summary(run: Run) -> RenderableType:
    """Score with its interval, verdict, the biased number beside it, costs, and where every file is.

    Lines are never broken, so that a path can be copied: print it with `soft_wrap`.
    """
    title = f"  {name_before(run.folder)}{clean(run.preset)} · seed {_seed(run)}"
    lines: list[RenderableType] = [Text(), Text.assemble((clean(run.env), "bold"), (title, LABEL))]
    if run.interrupted:
        lines.append(labelled("", Text("interrupted: these are the results so far", BAD)))
        lines += to_resume(run.folder)
    if run.resumed == "not exact":
        lines.append(
            labelled("resumed", Text("not exact: an uninterrupted run would have given different numbers", BAD))
        )
        lines += [Hanging("", clean(run.inexact))] * bool(run.inexact)
    lines += [labelled("imported", clean(run.imported))] * bool(run.imported)
    lines += _branch(run.folder)
    lines += _score("score", run.score, "")
    if run.score_registered is not None:
        lines += _score("", run.score_registered, ", registered step limit")
    lines.append(labelled("solved", _solved(run)))
    if run.selected_score is not None:
        lines.append(labelled("selected", _selected(run)))
    lines.append(labelled("learned", run.learned))
    spent = {name: f"{seconds:.1f}" for name, seconds in run.seconds.items() if name != "total"}
    phases = " · ".join(f"{name} {seconds}" for name, seconds in spent.items() if seconds != "0.0")
    lines += [labelled("seconds", f"{seconds_taken(run.seconds):.1f}"), labelled("", (phases, LABEL))]
    notes = [Hanging("note", clean(note)) for note in run.notes]
    return Group(*lines, *notes, *_files(run), *_next(run, env_words(run)))


def _seed(run: Run) -> str:
    """What it was trained with, if that is known."""
    came = origin_of(run.folder)
    return str(run.seed) if came is None or came.knows("seed") else UNKNOWN


def name_before(folder: Path) -> str:
    """The name that a run or group was given, before what else it is called by."""
    name = read_label(folder).name
    return "" if name is None else f"{clean(name)} · "


def labelled(label: str, *words: str | Text | tuple[str, str]) -> Text:
    """A line of a summary after its label; it is never broken."""
    return Text.assemble((f"{label:<9} ", LABEL), *words)


def to_resume(folder: Path) -> list[RenderableType]:
    """How a run or a group is resumed, and whether that begins again at its start."""
    again = from_start(folder)
    return [labelled("to resume", how_to_resume(folder)), *([Hanging("", again, BAD)] if again else [])]


def _branch(folder: Path) -> list[RenderableType]:
    """What a run was branched from; nothing if it was not."""
    try:
        parent = read_parent(folder / META)
    except FolderError:  # somebody has changed it
        return []
    if parent is None:
        return []
    there = parent_of(folder, parent)
    name = parent.run if there is None or read_label(there[0]).name is None else called(there[0])
    return [Hanging("branch", f"of {clean(name)} at step {parent.step:,}: {parent.says}")]


def _score(label: str, score: Score | None, remark: str) -> list[Text]:
    if score is None:
        return [labelled(label, ("none: judging was not reached", LABEL))]
    interval = "" if score.low is None else f"  95 % interval {interval_of(score)}"
    what = f"{counted(score.episodes, 'fresh greedy episode')}{remark}"
    lines = [
        labelled(label, (mean_of(score), "bold"), interval, (f"  {what}", LABEL)),
        labelled("", _spread(score)),
    ]
    if score.info:
        said = ", ".join(f"{clean(name)} {value:.4g}" for name, value in score.info.items())
        lines.append(labelled("", (f"means at the episodes' ends: {said}", LABEL)))
    if score.cut and score.own_limit is not None:
        own = f"at {counted(score.own_limit, 'step')}, dqnlab's own limit: the environment has none"
        lines.append(labelled("", Text(f"{score.cut_says} {own}; --env.max-episode-steps sets one", BAD)))
    return lines


def _spread(score: Score) -> tuple[str, str]:
    """Which interval that is, or what is known where there is none."""
    if score.low is None and score.episodes > 1 and number(score.minimum) == number(score.maximum):
        said = (
            f"{all_of(score.episodes, 'episode')} returned {mean_of(score)}: no spread was seen, which proves nothing"
        )
        return said, LABEL
    return score.interval, LABEL


def yes_or_no(solved: bool | None) -> Text:
    """Yes, no or unknown."""
    if solved is None:
        return Text("unknown", LABEL)
    return Text("yes", GOOD) if solved else Text("no", BAD)


def _solved(run: Run) -> Text:
    """The verdict, and whose threshold it is by, or why there is none."""
    says = run.threshold_says or ("no threshold" if run.threshold is None else "")
    if run.score is None:
        says = "no score"
    return Text.assemble(yes_or_no(run.solved), (f"  {clean(says)}" if says else "", LABEL))


def _selected(run: Run) -> Text:
    """The best evaluation, and of how many: the best of several is biased, the only one is not."""
    looks = "many evaluations" if run.evaluations is None else counted(run.evaluations, "evaluation")
    what = "the only evaluation" if run.evaluations == 1 else f"biased, the best of {looks}"
    attempts = f"{counted(run.attempts, 'attempt')} to confirm"
    return Text.assemble(number(run.selected_score), (f"  {what}; {attempts}", LABEL))


def _files(run: Run) -> list[Text]:
    """The folder, and each file in it."""
    lines = [labelled("folder", shown(run.folder))]
    for label, path in run.files.items():
        name = path.relative_to(run.folder) if path.is_relative_to(run.folder) else path
        lines.append(labelled("", f"{clean(label):<15} ", clean(str(name))))
    return lines


def _next(run: Run, env: str | None = None) -> list[RenderableType]:
    """What to do with it: the page first, then a window where there can be one, then the slower, classic settings.

    Args:
        env: what to train on again, as the command line names it; none if only Python knows the environment.
    """
    what: list[RenderableType] = []
    page = run.folder / REPORT
    if page.is_file():
        what.append(f"open {page.resolve().as_uri()}")
    if (
        not is_callable(run.folder) and has_display() and any((run.folder / VIDEOS).glob("*.mp4"))
    ):  # what was filmed can be drawn
        what.append(command("watch", run.folder))
    if not run.interrupted and not is_callable(run.folder) and is_repairable(run.notes):
        what.append(command("heal", run.folder))
    if page.is_file() and not is_callable(run.folder) and _has_parent(run.folder):
        what.append(command("explain", run.folder, "--beside", "parent"))
    if run.imported and env is not None:
        what.append(train_further(run) or "")
    elif env is not None and not run.interrupted and (differing := unlike_textbook(run)):
        what.append(f"dqn train {clean(env)} --preset textbook{clean(textbook_words(run))}")
        what.append(Hanging("", f"it differs from the textbook in: {', '.join(differing)}", LABEL))
    return [labelled("next" if i == 0 else "", each) if isinstance(each, str) else each for i, each in enumerate(what)]


def _has_parent(folder: Path) -> bool:
    """Whether a run is a branch whose parent is still there to be shown beside it."""
    parent = read_parent(folder / META) if (folder / META).is_file() else None
    return parent is not None and parent_of(folder, parent) is not None


@dataclass(frozen=True)
class Hanging:
    """A line whose continuations stay in its column, where the terminal is narrower than it; paths are not broken."""

    label: str
    words: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(options.max_width - 10, 30)
        lines = textwrap.wrap(self.words, room, break_long_words=False, break_on_hyphens=False) or [""]
        for i, line in enumerate(lines):
            yield labelled(self.label if i == 0 else "", (line, self.style))


def group_summary(group: SeedsGroup) -> RenderableType:
    """Every seed with its score and its costs, and the mean of the scores with its interval over seeds."""
    title = f"  {name_before(group.folder)}{clean(group.preset)} · {counted(len(group.seeds), 'seed')}"
    lines: list[RenderableType] = [Text(), Text.assemble((clean(group.env), "bold"), (title, LABEL))]
    if group.interrupted:
        lines.append(labelled("", Text("interrupted: these are the results so far", BAD)))
    begun = any(group.folder.glob(f"seed-*/{CONFIG}"))  # else there is nothing to resume
    if begun and (group.interrupted or any(each.exit_code != NumericsError.exit_code for each in group.failures)):
        lines += to_resume(group.folder)
    failed = [
        Hanging("interrupted" if each.is_interruption else "failed", f"seed {each.seed}: {clean(each.error)}", BAD)
        for each in group.failures
    ]
    notes = [Hanging("note", note) for note in _notes(group)]
    where: list[RenderableType] = [labelled("seconds", f"{group.seconds:.1f}"), *failed, *notes]
    where.append(labelled("folder", shown(group.folder)))
    if group.best is not None:
        where += [labelled("", (f"{'best seed':<15} ", LABEL), f"{group.best.folder.name}")]
        where += _next(group.best, env_words(group.best))
    return Group(*lines, _seeds_table(group), *_mean(group), *where)


def _notes(group: SeedsGroup) -> list[str]:
    """What the seeds have to say, each sentence once; of the copies that a tracker keeps only the first."""
    by_note: dict[str, list[int]] = {}
    for run in group.runs:
        for note in run.notes:
            by_note.setdefault(clean(note), []).append(run.seed)
    told = [note for note in by_note if note.startswith("SwanLab: ")]
    lines = []
    for note, seeds in by_note.items():
        if note not in told:
            lines.append(f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}: {note}")
    if told:
        lines.append(told[0] if len(told) == 1 else f"{told[0]} (the first of {counted(len(told), 'seed')})")
    return lines


def _seeds_table(group: SeedsGroup) -> Table:
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("seed", "score", "95 % interval", "solved", "steps", "seconds", "folder"):
        table.add_column(name, justify="left" if name == "folder" else "right", no_wrap=True)
    for result in group.results:
        costs = f"{result.env_steps:,}", f"{_total(result.seconds):.1f}", Text(clean(result.folder.name))
        if not isinstance(result, Run) or result.score is None:
            table.add_row(str(result.seed), Text("none", BAD), "", "-", *costs)
            continue
        interval = interval_of(result.score)
        solved = Text("-") if result.solved is None else yes_or_no(result.solved)
        table.add_row(
            str(result.seed),
            Text(mean_of(result.score), "bold"),
            interval,
            solved,
            *costs,
        )
    return table


def _total(seconds: float | Mapping[str, float]) -> float:
    """Without film and page, which only the best seed gets: as it was said when the seed ended."""
    if not isinstance(seconds, Mapping):
        return seconds
    return seconds_taken(seconds) - sum(seconds.get(name, 0.0) for name in SHOWN)


def _mean(group: SeedsGroup) -> list[Text]:
    mean, known = group.mean, [run.solved for run in group.runs if run.solved is not None]
    if mean is None:
        return [labelled("mean", ("none: no seed has a score", LABEL))]
    missing = f"{mean.seeds} of " if mean.seeds < len(group.seeds) else ""
    of = f"  {missing}{counted(len(group.seeds), 'seed')}"
    low_high = "" if mean.low is None else f"  95 % interval {interval_of(mean)}"
    lines = [
        labelled("mean", (mean_of(mean), "bold"), low_high, (of, LABEL)),
        labelled("", (mean.interval, LABEL)),
    ]
    if known:
        lines.append(labelled("solved", f"{sum(known)} of {len(known)}"))
    return lines


def evaluation(score: Score, name: str, partial: str = "") -> RenderableType:
    """What `dqn evaluate` prints; `partial` says what is missing."""
    how = "truncated" if score.own_limit is None else "cut by the step limit"
    cut = f"{score.cut or 'none'} of them {how}"
    return Group(
        Text(clean(name), "bold"),
        *([labelled("", Text(partial, BAD))] if partial else []),
        *_score("score", score, ""),
        labelled("lowest", number(score.minimum, score.maximum)),
        labelled("highest", number(score.maximum, score.minimum)),
        labelled("episodes", f"{score.episodes}, {cut}"),
    )

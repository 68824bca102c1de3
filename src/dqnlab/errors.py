"""Every error that dqnlab raises on purpose.

    DqnlabError                 exit code
    ├── ConfigError                 2   a setting, an environment id, an argument
    │   ├── FolderError             2   an output folder that exists, a run that cannot be found or read
    │   │   └── FolderInUse         2   a folder that another process works in
    │   ├── SpaceError              2   an environment whose observations or actions are not supported
    │   └── ObservationError        2   an observation that an agent cannot take; a ValueError too
    ├── EnvironmentFault            3   an environment that is missing, broken or returned nonsense
    ├── CheckpointError             4   a saved file, or a recorded episode, that is damaged or of something else
    ├── ResourceError               5   a device, a display, a package or memory that is not there
    └── NumericsError               6   NaN or infinity in the weights

A message is one line: it says what is wrong, shows the value and names what to do.
"""


def one_line(text: str) -> str:
    """The text without its line breaks, of which what others say may have many."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def named(error: BaseException) -> str:
    """An error of anybody's as one line, also one that says nothing, or whose own text raises."""
    try:
        text = one_line(str(error))
    except BaseException as e:
        text = f"(its text raised {type(e).__name__})"
    return f"{type(error).__name__}: {text}".removesuffix(": ")


def counted(num: int, noun: str) -> str:
    """A count with its noun: 0 episodes, 1 fresh episode, 1,200 env steps, 2 copies."""
    several = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{num:,} {noun if num == 1 else several}"


def all_of(num: int, noun: str) -> str:
    """The whole of a count: all 5 episodes, the only episode."""
    return f"the only {noun}" if num == 1 else f"all {counted(num, noun)}"


def either(flag: str, python: str) -> str:
    """The advice for the command line and, in brackets, for Python."""
    return f"{flag} (in Python {python})"


class DqnlabError(Exception):
    """Base of all; the command line prints it as one message and leaves with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str = ""):
        super().__init__(one_line(message))


class ConfigError(DqnlabError):
    """A setting that cannot work."""

    exit_code = 2


class FolderError(ConfigError):
    """A run folder that is in the way, absent or not a run."""


class FolderInUse(FolderError):
    """A folder in which another process works, as the system's lock says."""


class SpaceError(ConfigError):
    """A space that is not supported."""


class ObservationError(ConfigError, ValueError):
    """An observation of another shape or kind than the agent was trained on."""


class EnvironmentFault(DqnlabError):
    """An environment that broke its own contract, or whose package is missing."""

    exit_code = 3


class CheckpointError(DqnlabError):
    """A saved file that cannot be used here."""

    exit_code = 4


class ResourceError(DqnlabError):
    """Something this machine would need and has not."""

    exit_code = 5


class NumericsError(DqnlabError):
    """Learning produced a number that is not finite."""

    exit_code = 6

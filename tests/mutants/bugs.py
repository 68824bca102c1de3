"""Silent bugs that deep Q-learning programs have had: where each would sit here, and which tests turn red for it.

Each was met in the change log or the issues of a library. `make mutants` plants them one at a time in a copy of the
code and runs the tests. Those that cannot occur say why.
"""

from .kinds import Bug
from .learning import LEARNING
from .playing import PLAYING
from .starting import STARTING
from .storing import STORING

BUGS: list[Bug] = [*STORING, *LEARNING, *PLAYING, *STARTING]

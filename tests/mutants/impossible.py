"""Bugs for which there is no place, and why."""

from .kinds import Impossible

IMPOSSIBLE: list[Impossible] = [
    Impossible(
        "the final observation under another key of infos, as older Gymnasium had it",
        "environments reset themselves at the next step only; a vector of another mode is refused (run/test_vector.py)",
    ),
    Impossible(
        "next observations shared with the following transition, wrong at truncation",
        "frames are linked, each episode's last one is stored, and nothing follows it (learn/test_frames.py)",
    ),
    Impossible(
        "dropout or batch norm left in training mode in the target network",
        "no layer has a mode: noise is an input, buffers move in `refresh` alone (learn/test_networks.py)",
    ),
    Impossible(
        "action_space.sample() is not seeded by reset",
        "it is never called in training: random actions come from the run's own generator (run/test_reproducible.py)",
    ),
    Impossible(
        "the global generators of numpy, random or torch change results",
        "none is used, by a lint over the whole source (test_architecture.py); for parts of one's own it is put back",
    ),
    Impossible(
        "another number of threads, or another BLAS, gives other sums without a word",
        "the number of threads is a setting, and a resumed run says what differs (run/saving/test_resume.py)",
    ),
    Impossible(
        "ties always go to action 0, which a zero-initialised head makes frequent",
        "heads begin with random weights; that argmax takes the first of equals is documented (learn/policy.py)",
    ),
    Impossible(
        "a Discrete space that does not begin at 0, or one that was flattened in silence",
        "actions are converted at the door and joint ones named; what is not supported is refused (run/test_spaces.py)",
    ),
    Impossible(
        "an old four-tuple of step ends training in an odd way",
        "the contract of an environment refuses it by name (app/test_bad_environment.py)",
    ),
    Impossible(
        "actors elsewhere act by old weights, or die and leave half a window",
        "actors live in the learner's process; a dead worker process ends the run by name (run/test_workers.py)",
    ),
    Impossible(
        "evaluation shares the environment, generator or statistics of training",
        "the judge has envs, seeds and a network of its own; weights with and without judging are compared bit by bit "
        "(run/test_reproducible.py)",
    ),
    Impossible(
        "observations in float64 make the network or the replay float64",
        "stored observations are float32 or whole numbers, by type (run/test_spaces.py)",
    ),
    Impossible(
        "the replay, open windows or generators are missing from a checkpoint",
        "whatever differs from a fresh system must be in its state, looked for attribute by attribute "
        "(run/saving/test_state.py)",
    ),
    Impossible(
        "learning waits anew, or catches up in a burst, when a run is resumed",
        "updates are due at multiples of env steps, and resumed runs are equal bit by bit (run/saving/test_resume.py)",
    ),
]

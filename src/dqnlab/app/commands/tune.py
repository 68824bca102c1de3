"""`dqn tune`."""

from __future__ import annotations

import signal

from ...lab.interrupt import SIGNALLED
from ...lab.tune import Tuner
from ...store.find import with_init_file
from ...terminal.trials import choose_trials
from ..arguments import Tune
from ..calls import Call
from ..show import show
from ..summary_tuned import tuned_summary


def run(call: Call[Tune]) -> int:
    args = call.args
    tuner = Tuner(
        with_init_file(args.config, args.runs),
        trials=args.trials,
        space=args.space,
        trusted=args.trust_env_module,
        seeds=args.seeds,
        confirm=args.confirm,
        study=args.study,
        runs=args.runs,
        jobs=args.jobs,
        ray=args.ray,
        view=choose_trials(quiet=args.quiet),
        remark=call.remark,
    )
    found = tuner.tune()
    show(tuned_summary(found, args.config, call.words), soft_wrap=True)
    if found.interrupted:
        return SIGNALLED + (found.signal or signal.SIGINT)
    return 0

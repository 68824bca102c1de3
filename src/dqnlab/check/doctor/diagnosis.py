"""What the numbers seen in random play mean for training."""

import math

import numpy as np

from ...config import Config
from ...envs.infos import MOST_NAMES, left_out, numbers_in
from ...envs.make import EnvSpec
from ...errors import all_of, counted, either
from ...learn.convs import find_pictures
from ...learn.types import ObsPart, ObsSpec
from ...run.system import make_plan, make_remarks
from ...settle import LEAST_SIDE, choose_convs, cut_after
from .findings import EnvFacts, Findings
from .random_play import Play

SLOW = 1_000.0  # microseconds of a step from which processes of its own clearly pay
LARGE = 100.0  # beyond this, a network of fresh weights learns slowly or runs away
FAR_BELOW = 16.0  # a bound so many times as large as what was seen hides it
DIVIDE = either("--env.scale high", "Env(scale='high')")
NORMALIZE = "; or " + either("--normalize-obs", "normalize_obs=True") + " brings them to a deviation of 1"
NAMES = f"give it as a finite number, among the first {MOST_NAMES}, under a name of letters, digits and .:()-_"
MOSTLY = 2.0  # times as many steps of evaluations as of training: most of the time goes there
ENOUGH = 1_000  # steps of play from which on it means something that no episode has ended


def add_conclusions(facts: EnvFacts, play: Play, spec: EnvSpec, config: Config, found: Findings) -> None:
    """Adds what follows from a play."""
    for remark in make_remarks(config, spec):
        found.warning(*remark)
    if play.in_place:
        what = "an observation changes after it was returned: the environment writes the next one into the same array"
        found.warning("mutation", what, "dqnlab copies it, but other programs may not: return obs.copy()")
    if play.steps:
        _ends(facts, play, found)
        _observations(play, spec, facts, config, found)
        if not found.has_error("reward"):  # else most of those that were seen are none
            _rewards(play, config, found)
            _threshold(play, spec, found)
        _metrics(play, found)
        _budget(facts, config, found)
        _judging(facts, config, found)
        found.ok(
            "calls", f"{counted(play.steps, 'step')} and {counted(len(play.returns) + 1, 'reset')} without a fault"
        )
    if facts.microseconds_per_step >= SLOW and not config.env.workers and config.env.copies is None:
        what = f"a step takes {facts.microseconds_per_step / 1e3:.1f} ms, and copies are stepped one after another"
        more = either("--env.num-envs 8 --env.workers 4", "Env(num_envs=8, workers=4)")
        found.note("speed", what, f"step several side by side: {more}")
    if not facts.draws:
        modes = ", ".join(facts.render_modes) or "none"
        what = f"it draws no images (render modes: {modes}), so the best network will not be filmed"
        found.note("films", what, "offer 'rgb_array', in metadata['render_modes'] and as the argument render_mode")
    if facts.unknown_layer is None:
        found.ok("resume", "its state can be saved: a run is resumed exactly, from any moment")
    else:
        _cuts(facts, config, found)


def _cuts(facts: EnvFacts, config: Config, found: Findings) -> None:
    """What checkpoints do to an environment that cannot be saved."""
    most = cut_after(config)
    when = "where a run is stopped" if most is None else f"every {counted(config.checkpoint_every, 'step')}"
    what = f"checkpoints truncate unfinished episodes {when}: the state of {facts.unknown_layer} cannot be saved"
    theirs = str(facts.unknown_layer).startswith("dqnlab.")  # made elsewhere, so that nobody here can change it
    advice = "" if theirs else "give it get_state() and set_state(state), and they will not"
    if most is None or most >= facts.longest:
        found.note("resume", what, advice)
        return
    what += f"; its {counted(config.env.num_envs, 'copy')} share those steps, so no episode lasts longer than {most:,}"
    never = f"save at the end only, with {either('--checkpoint-every 0', 'checkpoint_every=0')}"
    found.warning("resume", what, f"{advice}; or {never}" if advice else never)


def _ends(facts: EnvFacts, play: Play, found: Findings) -> None:
    limit = f"the step limit is {facts.step_limit:,}"
    advice = ""
    if facts.cuts_itself:
        limit = f"it truncates episodes by itself, and none was longer than {counted(facts.longest, 'step')}"
    elif not facts.own_limit:
        limit = f"it has no step limit, so dqnlab truncates at {counted(facts.step_limit, 'step')}"
        advice = f"give it one: {either('--env.max-episode-steps N', 'Env(max_episode_steps=N)')}"
    if not play.returns:
        say = found.warning if play.steps >= ENOUGH and not facts.own_limit else found.note
        say("ends", f"no episode ended within {counted(play.steps, 'random step')}; {limit}", advice)
    elif not play.terminated:
        what = f"{all_of(play.truncated, 'episode')} ended only by truncation, which bootstraps their last value"
        found.note("ends", f"{what}; {limit}", "where an end is a success or a failure, return terminated=True")
    elif not facts.own_limit and not facts.cuts_itself:
        found.note("ends", limit, advice)
    found.ok("ends", f"episodes: {play.terminated:,} terminated, {play.truncated:,} truncated; {limit}")


def _budget(facts: EnvFacts, config: Config, found: Findings) -> None:
    """Whether an episode can end in training."""
    budget, length = make_plan(config).budget, facts.lengths.get("mean", facts.step_limit)
    is_known = facts.own_limit or bool(facts.lengths)
    if is_known and budget.unit == "steps" and (each := budget.num // config.env.num_envs) < length:
        what = f"an episode takes about {counted(round(length), 'step')}, and training comes to {each:,}"
        what += f" for each of {counted(config.env.num_envs, 'copy')}" if config.env.num_envs > 1 else ""
        found.warning("budget", f"{what}: none may end", "train for longer, or with fewer copies")


def _judging(facts: EnvFacts, config: Config, found: Findings) -> None:
    """How much of training its evaluations are, while the agent plays no shorter episodes than at random."""
    plan = make_plan(config)
    every, budget = plan.evaluate_every, plan.budget
    steps = round(config.select_episodes * facts.lengths.get("mean", facts.step_limit))
    if every.unit == "steps" and steps > MOSTLY * every.num:
        what = f"an evaluation plays about {counted(steps, 'step')} while episodes are this long, and training only "
        what += f"{every.num:,} from one to the next"
        less = f"judge less often, as with {either(f'--evaluate-every {steps}', f'evaluate_every={steps}')}, or shorter"
        less = "judge shorter" if budget.unit == "steps" and steps >= budget.num else less
        found.note("judging", what, f"{less}, with a smaller select_episodes")


def _observations(play: Play, spec: EnvSpec, facts: EnvFacts, config: Config, found: Findings) -> None:
    seen, space = play.observations, facts.observation_space
    if spec.obs.mask is not None:
        found.ok("mask", "only actions that its action_mask allows are ever taken or valued")
    if spec.obs.num_states is not None or seen.count == 0:
        return
    if spec.obs.parts:
        found.ok("parts", f"the network sees {', '.join(map(_said, spec.obs.parts))}")
    elif spec.obs.dtype == np.float32 and "float32" not in space:
        found.note("stored", f"observations of {space} are stored as float32")
    sizes = np.maximum(-seen.low, seen.high)
    if config.normalize_obs:
        found.ok("scale", "the network sees numbers less their mean, in deviations; pictures and states as they are")
    elif spec.obs.parts:
        _scaling_of_parts(sizes, spec, config, found)
    else:
        normalize = "" if choose_convs(config, spec.obs) else NORMALIZE
        _scaling(sizes, spec.obs.scale, facts.whole, normalize, found)
    constant = np.flatnonzero((seen.low == seen.high) & ~_in_pictures(config, spec.obs, len(seen.low)))
    if len(constant) and seen.count > 1:
        names = [facts.numbers[i] if facts.numbers else str(i) for i in constant[:8].tolist()]
        which = ", ".join(names) + (" …" if len(constant) > 8 else "")
        what = f"{len(constant)} of {counted(len(seen.low), 'number')} of the observation never changed: {which}"
        found.note("constant", what, "leave out what carries no information, or check whether it should change")
    found.ok("observations", f"finite, from {float(seen.low.min()):.4g} to {float(seen.high.max()):.4g}")


def _in_pictures(config: Config, obs: ObsSpec, num: int) -> np.ndarray:
    """Which of so many numbers that were seen are pixels: some of them never change in most games."""
    inside = np.zeros(num, bool)
    for number in find_pictures(obs, LEAST_SIDE.get(config.conv, LEAST_SIDE["auto"])):
        inside[obs.parts[number].place if obs.parts else slice(None)] = True
    return inside


def _said(part: ObsPart) -> str:
    """A part of an observation, and as what the network sees it."""
    name = f"{part.name} " if part.path else "the observation "
    if part.num_states is not None:
        return f"{name}(one of {counted(part.num_states, 'state')}, one-hot)"
    scaled = "" if part.scale == 1 else f", divided by {part.scale:g}"
    return f"{name}({counted(math.prod(part.shape), 'number')}{scaled})"


def _scaling_of_parts(sizes: np.ndarray, spec: EnvSpec, config: Config, found: Findings) -> None:
    """What the network is given of each part, whose numbers were seen to reach these sizes."""
    looked_at = choose_convs(config, spec.obs)
    for number, part in enumerate(spec.obs.parts):
        if part.num_states is None:
            inside = sizes[part.place]
            largest = float(inside.max())
            advice = "bring it to about -1 to 1 in the environment, or in a gymnasium.ObservationWrapper"
            advice += f"; whole numbers: {DIVIDE} divides them by their bound"
            if part.dtype == np.uint8:
                advice = f"{DIVIDE} divides them by their announced bound"
            advice += "" if number in looked_at else NORMALIZE
            reaches = f"{part.numbers[int(inside.argmax())]} reaches {largest:,.4g}"
            _check_size(part.name or "the picture", largest, part.scale, reaches, advice, found)


def _scaling(sizes: np.ndarray, scale: float, whole: bool, normalize: str, found: Findings) -> None:
    """What the network is given of an observation, whose numbers were seen to reach these sizes."""
    largest = float(sizes.max())
    advice = "scale them to about -1 to 1, as gymnasium.wrappers.RescaleObservation does"
    advice = f"{DIVIDE} divides them by their announced bound" if whole else advice
    advice += normalize
    reaches = f"observations reach {largest:,.4g} (number {int(sizes.argmax())})"
    _check_size("the observation", largest, scale, reaches, advice, found)
    if scale != 1:
        found.ok("scale", f"the network sees observations divided by {scale:g}")
    elif whole and largest <= LARGE:
        what = f"whole numbers up to {largest:g} are taken for codes and not divided; {DIVIDE} divides them"
        found.note("scale", what)


def _check_size(what: str, largest: float, scale: float, reaches: str, advice: str, found: Findings) -> None:
    """Warns of numbers that are too large for a network once they are divided, and of those that then vanish."""
    if largest / scale > LARGE:
        found.warning("scale", f"{reaches}: large inputs make learning slow or unstable", advice)
    if scale != 1 and largest * FAR_BELOW < scale:
        bound = f"{what} is divided by {scale:g}, the bound that its space announces, but reached only {largest:,.4g}"
        keep = either("--env.scale none", "Env(scale='none')")
        undivided = f"announce the true bound, or leave it undivided: {keep}"
        found.warning("scale", f"{bound}: the network sees almost nothing", undivided)


def _rewards(play: Play, config: Config, found: Findings) -> None:
    low, high = float(play.rewards.low[0]), float(play.rewards.high[0])
    if max(-low, high) > LARGE and config.reward_scale == 1:
        what = f"rewards range from {low:,.4g} to {high:,.4g}: the network must learn values far from where it starts"
        auto = either("--reward-scale auto", "reward_scale='auto'")
        found.warning("rewards", what, f"have them divided before learning: {auto}")
    elif low == high == 0 and play.rewards.count == play.steps:
        what = (
            f"not one of {counted(play.steps, 'random step')} was rewarded: it may take long to find anything to "
            "learn from"
        )
        found.note("rewards", what, "explore for longer, or reward progress")
    found.ok("rewards", f"from {low:,.4g} to {high:,.4g}")


def _threshold(play: Play, spec: EnvSpec, found: Findings) -> None:
    """Warns of one that playing by chance reaches."""
    threshold = spec.reward_threshold
    if threshold is None or not play.returns or not (mean := float(np.mean(play.returns))) >= threshold:
        return
    what = f"reward_threshold = {threshold:,.4g}, and random play earned {mean:,.4g} on average over "
    what += f"{counted(len(play.returns), 'episode')}: 'solved' would say nothing, and may end training early"
    higher = either("--env.reward-threshold N", "Env(reward_threshold=…)")
    found.warning("threshold", what, f"set one that only a good agent reaches: {higher}")


def _metrics(play: Play, found: Findings) -> None:
    """Which numbers of its info are recorded when an episode ends, and which are not."""
    kept = list(numbers_in(play.last_info))
    left = [*kept[MOST_NAMES:], *left_out(play.last_info)]
    if left:
        what = f"of its info when an episode ends, this is not recorded: {_listed(left)}"
        what += f"; this is: {_listed(kept[:MOST_NAMES])}" if kept else ""
        found.note("metrics", what, f"{NAMES}, in info itself")
    if kept:
        found.ok("metrics", f"recorded when an episode ends: {_listed(kept[:MOST_NAMES])}")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")

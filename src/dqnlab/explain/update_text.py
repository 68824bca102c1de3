"""How each optimiser makes a step of a gradient, as lines of `trace_text`: every number multiplies out."""

import math

from .kinds import Deviation, Moments
from .lines import paragraph, six
from .stages import Trace, Weight

_ADAM = (
    "Adam keeps a running mean of each weight's gradient and of its square, and moves the weight by their "
    "ratio: far where gradients agree, little where they contradict each other."
)
SAID = {
    "adam": _ADAM,
    "adamw": f"{_ADAM} AdamW lets every weight shrink a little besides.",
    "radam": f"{_ADAM} RAdam goes by the mean alone until enough gradients have been seen to trust the square.",
    "rmsprop": (
        "RMSProp divides each weight's gradient by its running deviation, so that weights with large gradients and "
        "with small ones move about as far."
    ),
}


def update_lines(trace: Trace, row: int) -> list[str]:
    """The stage of the update."""
    columns = [(w.name, *map(six, (w.before, w.clipped, w.step, w.after))) for w in trace.weights]
    table = [("weight", "before", "gradient", "step", "after"), *columns]
    lines = [f"   {row[0]:<24} " + " ".join(f"{x:>13}" for x in row[1:]) for row in table]
    formula, w = trace.settings.formula, trace.weights[-1]
    if formula is None:
        said = (
            "The optimiser moves every weight against its gradient. How this run's optimiser does so is not shown here."
        )
        return [*paragraph(f"{said} The weight with the largest gradient in each layer:"), *lines]
    name = {"adam": "Adam", "adamw": "AdamW", "radam": "RAdam", "rmsprop": "RMSProp"}[formula.kind]
    here = f"Here is {w.name} at {name}'s step t = {trace.optimizer_steps}:"
    return [
        *paragraph(f"{SAID[formula.kind]} {here}"),
        f"   gradient g = {six(w.clipped)}",
        *(_deviation(trace, formula, w) if isinstance(formula, Deviation) else _moments(trace, formula, w)),
        f"   weight = {six(w.before)} + {six(w.step)} = {six(w.after)}",
        "   likewise the weight with the largest gradient in each layer:",
        *lines,
    ]


def _moments(trace: Trace, formula: Moments, w: Weight) -> list[str]:
    lr, t = trace.settings.lr, trace.optimizer_steps
    first, second = 1 - formula.beta1**t, 1 - formula.beta2**t  # what the means still lack, for they began at 0
    mean, square = w.memory
    whole_mean = six(mean / first)
    whole_square = six(square / second)
    means = [
        *_means(w, formula.beta1, formula.beta2),
        f"   corrected m' = m / (1 - {six(formula.beta1)}^t) = {six(mean)} / {six(first)} = {whole_mean}",
    ]
    corrected = f"   corrected v' = v / (1 - {six(formula.beta2)}^t) = {six(square)} / {six(second)} = {whole_square}"
    root = f"(sqrt({whole_square}) + {six(formula.eps)})"
    match formula.kind:
        case "radam":
            return [*means, *_rectified(formula, w, lr, t, whole_mean)]
        case "adamw":
            decay = six(formula.weight_decay)
            return [
                *means,
                corrected,
                f"   step = -lr * m' / (sqrt(v') + {six(formula.eps)}) - lr * weight_decay * weight",
                f"        = -{six(lr)} * {whole_mean} / {root} - {six(lr)} * {decay} * {six(w.before)}",
                f"        = {six(w.step)}",
            ]
        case "adam":
            return [
                *means,
                corrected,
                f"   step = -lr * m' / (sqrt(v') + {six(formula.eps)})",
                f"        = -{six(lr)} * {whole_mean} / {root}",
                f"        = {six(w.step)}",
            ]


def _rectified(formula: Moments, w: Weight, lr: float, t: int, whole_mean: str) -> list[str]:
    """RAdam's step, by how many gradients its mean square is as good as."""
    most = 2 / (1 - formula.beta2) - 1
    lacking = formula.beta2**t / (1 - formula.beta2**t)
    now = most - 2 * t * lacking
    length = [
        f"   length rho = rho_most - 2 * t * {six(formula.beta2)}^t / (1 - {six(formula.beta2)}^t)",
        f"              = {six(most)} - 2 * {t} * {six(lacking)} = {six(now)}",
    ]
    if now <= 5:
        return [
            *length,
            "   step = -lr * m', for rho <= 5",
            f"        = -{six(lr)} * {whole_mean}",
            f"        = {six(w.step)}",
        ]
    trust = math.sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now))
    second = 1 - formula.beta2**t
    return [
        *length,
        "   trust r = sqrt((rho - 4) (rho - 2) rho_most / ((rho_most - 4) (rho_most - 2) rho)) = " + six(trust),
        f"   step = -lr * r * m' * sqrt(1 - {six(formula.beta2)}^t) / (sqrt(v) + {six(formula.eps)})",
        f"        = -{six(lr)} * {six(trust)} * {whole_mean} * sqrt({six(second)})"
        f" / (sqrt({six(w.memory[1])}) + {six(formula.eps)})",
        f"        = {six(w.step)}",
    ]


def _deviation(trace: Trace, formula: Deviation, w: Weight) -> list[str]:
    lr = trace.settings.lr
    mean, square = w.memory
    variance = max(square - mean * mean, 0.0)
    return [
        *_means(w, formula.decay, formula.decay),
        f"   variance = v - m^2 = {six(square)} - ({six(mean)})^2 = {six(variance)}",
        f"   step = -lr * g / sqrt(variance + {six(formula.eps)})",
        f"        = -{six(lr)} * {six(w.clipped)} / sqrt({six(variance)} + {six(formula.eps)})",
        f"        = {six(w.step)}",
    ]


def _means(w: Weight, beta1: float, beta2: float) -> list[str]:
    """How the two running means move on."""
    (mean_before, square_before), (mean, square) = w.memory_before, w.memory
    gradient = six(w.clipped)
    return [
        f"   mean   m  = {six(beta1)} * m_before + {six(1 - beta1)} * g",
        f"             = {six(beta1)} * {six(mean_before)} + {six(1 - beta1)} * {gradient}",
        f"             = {six(mean)}",
        f"   square v  = {six(beta2)} * v_before + {six(1 - beta2)} * g^2",
        f"             = {six(beta2)} * {six(square_before)} + {six(1 - beta2)} * ({gradient})^2",
        f"             = {six(square)}",
    ]

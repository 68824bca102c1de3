"""What is known of Gymnasium's own environments: the names of inputs and actions, and where inputs usually lie."""

import math
from typing import Any, NamedTuple

# Exact class -> its actions, as keys in words/actions.json.
ACTIONS = {
    "gymnasium.envs.classic_control.cartpole:CartPoleEnv": ("left", "right"),
    "gymnasium.envs.classic_control.mountain_car:MountainCarEnv": ("left", "coast", "right"),
    "gymnasium.envs.classic_control.acrobot:AcrobotEnv": ("torque.minus", "torque.none", "torque.plus"),
    "gymnasium.envs.box2d.lunar_lander:LunarLander": ("lander.none", "lander.left", "lander.main", "lander.right"),
    "gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv": ("left", "down", "right", "up"),
    "gymnasium.envs.toy_text.cliffwalking:CliffWalkingEnv": ("up", "right", "down", "left"),
    "gymnasium.envs.toy_text.taxi:TaxiEnv": ("down", "up", "right", "left", "taxi.pickup", "taxi.dropoff"),
    "gymnasium.envs.toy_text.blackjack:BlackjackEnv": ("blackjack.stick", "blackjack.hit"),
}


class Range(NamedTuple):
    """One number of an observation."""

    name: str  # a key in words/inputs.json
    unit: str
    low: float
    high: float


def ranges(kind: str, params: dict[str, Any]) -> list[Range]:
    """The numbers of one observation; bounds are where episodes play, not what the space allows.

    Speeds have no bounds in CartPole; ±3 is where a pole that still stands is seen.
    """
    if kind == "cartpole":
        x, angle = params["x_threshold"], params["theta_threshold_radians"]
        return [
            Range("cartpole.position", "m", -x, x),
            Range("cartpole.velocity", "m/s", -3, 3),
            Range("cartpole.angle", "rad", -angle, angle),
            Range("cartpole.angular_velocity", "rad/s", -3, 3),
        ]
    if kind == "mountaincar":
        speed = params["max_speed"]
        return [
            Range("mountaincar.position", "", params["min_position"], params["max_position"]),
            Range("mountaincar.velocity", "", -speed, speed),
        ]
    if kind == "acrobot":
        angles = [Range(f"acrobot.{f}{i}", "", -1, 1) for i in (1, 2) for f in ("cos", "sin")]
        fastest = [params["MAX_VEL_1"], params["MAX_VEL_2"]]
        return angles + [Range(f"acrobot.angular_velocity{i}", "rad/s", -v, v) for i, v in enumerate(fastest, 1)]
    if kind == "lunarlander":
        return [
            Range("lunarlander.x", "", -1, 1),
            Range("lunarlander.y", "", -0.2, 1.5),
            Range("lunarlander.vx", "", -2, 2),
            Range("lunarlander.vy", "", -2, 2),
            Range("lunarlander.angle", "rad", -math.pi / 2, math.pi / 2),
            Range("lunarlander.angular_velocity", "", -3, 3),
            Range("lunarlander.leg1", "", 0, 1),
            Range("lunarlander.leg2", "", 0, 1),
        ]
    return []

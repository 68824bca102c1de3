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


class InputRange(NamedTuple):
    """One number of an observation."""

    name: str  # a key in words/inputs.json
    unit: str
    low: float
    high: float


def ranges(kind: str, params: dict[str, Any]) -> list[InputRange]:
    """The numbers of one observation; bounds are where episodes play, not what the space allows.

    Speeds have no bounds in CartPole; ±3 is where a pole that still stands is seen.
    """
    if kind == "cartpole":
        x, angle = params["x_threshold"], params["theta_threshold_radians"]
        return [
            InputRange("cartpole.position", "m", -x, x),
            InputRange("cartpole.velocity", "m/s", -3, 3),
            InputRange("cartpole.angle", "rad", -angle, angle),
            InputRange("cartpole.angular_velocity", "rad/s", -3, 3),
        ]
    if kind == "mountaincar":
        speed = params["max_speed"]
        return [
            InputRange("mountaincar.position", "", params["min_position"], params["max_position"]),
            InputRange("mountaincar.velocity", "", -speed, speed),
        ]
    if kind == "acrobot":
        angles = [InputRange(f"acrobot.{f}{i}", "", -1, 1) for i in (1, 2) for f in ("cos", "sin")]
        fastest = [params["MAX_VEL_1"], params["MAX_VEL_2"]]
        return angles + [InputRange(f"acrobot.angular_velocity{i}", "rad/s", -v, v) for i, v in enumerate(fastest, 1)]
    if kind == "lunarlander":
        return [
            InputRange("lunarlander.x", "", -1, 1),
            InputRange("lunarlander.y", "", -0.2, 1.5),
            InputRange("lunarlander.vx", "", -2, 2),
            InputRange("lunarlander.vy", "", -2, 2),
            InputRange("lunarlander.angle", "rad", -math.pi / 2, math.pi / 2),
            InputRange("lunarlander.angular_velocity", "", -3, 3),
            InputRange("lunarlander.leg1", "", 0, 1),
            InputRange("lunarlander.leg2", "", 0, 1),
        ]
    return []

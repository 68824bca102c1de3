"""How far collectors carry: what a step, a batch, an update and a set of weights cost, and what follows from it.

    python benchmarks/scaling.py            # about three minutes
    python benchmarks/scaling.py --quick    # half a minute, to see whether it runs

First every constant of the model (docs/scaling.md) is measured by itself: a collector without a learner, a learner
without collectors, Ray without either. Then whole runs with 0, 1, 2 and 4 collectors are held against what the model
says of this machine, also on a Ray cluster of three nodes, of which one is killed on the way. Writes
benchmarks/results/scaling.json and the tables of docs/scaling.md.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np
import ray
import torch
from gymnasium.spaces import Box, Discrete
from machine import Others, describe_machine, write_results
from scaling_model import RATES, SIZES, Costs, alone, saturation, throughput, write_tables

from dqnlab.cluster import LOOPBACK, joined
from dqnlab.config import Collectors, Config, Env, Mlp, Steps
from dqnlab.device import arithmetic
from dqnlab.envs.remote import BatchAnswer, Remote
from dqnlab.envs.seeds import Seat
from dqnlab.processes import usable_cores
from dqnlab.run.collecting import RemoteCollector
from dqnlab.run.events import BlockEnded
from dqnlab.run.system import System, assemble

NUMS = (0, 1, 2, 4)
NEVER = 10**9


class Simulator(gym.Env[np.ndarray, Any]):
    """An environment of eight numbers, or of a picture, whose step takes `busy` seconds here and `waits` elsewhere."""

    action_space = Discrete(4)

    def __init__(self, busy: float = 0.0, waits: float = 0.0, picture: bool = False):
        self.busy = busy
        self.waits = waits
        self.observation_space = Box(0, 255, (84, 84), np.uint8) if picture else Box(-1, 1, (8,), np.float32)
        self.shown = np.zeros(self.observation_space.shape, self.observation_space.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return self.shown, {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self.waits:
            time.sleep(self.waits)
        end = time.perf_counter() + self.busy
        while time.perf_counter() < end:
            pass
        return self.shown, 0.0, False, False, {}


BASE = Config(
    torso=Mlp(hidden=(64, 64)),
    budget=Steps(num=NEVER),
    evaluate_every=Steps(num=NEVER),
    learning_starts=500,
    batch_size=64,
    replay_capacity=20_000,
    metrics_every=NEVER,
    checkpoint_every=0,
    compile="off",
    explain=False,
)


def simulated(**kwargs: Any) -> Env:
    return Env(id=Simulator, kwargs=kwargs, max_episode_steps=200)


LOADS = {
    "CartPole": replace(BASE, env=Env(id="CartPole-v1")),
    "simulator, 2 ms elsewhere": replace(BASE, env=simulated(waits=0.002), update_every=4),
    "simulator, 0.5 ms here": replace(BASE, env=simulated(busy=0.0005), update_every=4),
}
SEVERAL = "simulator, 2 ms elsewhere"
"""what is run on several nodes"""
PICTURES = replace(
    BASE,
    env=replace(simulated(picture=True), frame_stack=4),
    conv="nature",
    torso=Mlp(hidden=(512,)),
    batch_size=32,
    update_every=4,
    replay_capacity=5_000,
)


# ── Constants ────────────────────────────────────────────────────────────────────────────────────


class Canned:
    """Hands that have every batch ready: what remains is the learner."""

    def __init__(self, answers: Sequence[BatchAnswer]):
        self.answers = answers
        self.taken = 0

    def begin(self, number: int, life: int) -> None:
        pass

    def put(self, weights: np.ndarray) -> Any:
        return weights

    def ask(self, number: int, request: Any) -> Any:
        return number

    def first(self, asked: Sequence[Any]) -> int:
        return 0

    def take(self, asked: Any) -> BatchAnswer:
        self.taken += 1
        first = self.taken == 1  # what every later round brings again follows the last one's frames
        return self.answers[0 if first else 1 + self.taken % (len(self.answers) - 1)]

    def close(self) -> None:
        pass


class Echo:
    """An actor that hands over one batch again and again."""

    def __init__(self, answer: BatchAnswer):
        self._answer = answer

    def answer(self, weights: Any, steps: int, episodes: int) -> BatchAnswer:
        return self._answer


def with_collectors(config: Config, num: int) -> Config:
    return replace(config, collectors=Collectors(num=num))


def settled(config: Config) -> System:
    return assemble(with_collectors(config, 1))


def measure(config: Config, seconds: float) -> Costs:
    """The constants of a load."""
    system = settled(config)
    try:
        made, spec = system.config, system.spec
        collector = RemoteCollector(made, spec, Seat())
        weights = np.concatenate([each.numpy() for each in (system.learner.state.online, system.learner.state.buffers)])
        answers = [collector.answer(weights, NEVER // 2, 0) for _ in range(3)]  # where epsilon has come down
        took = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(took) < 3:
            began = time.perf_counter()
            answers.append(collector.answer(None, NEVER // 2, 0))
            took.append(time.perf_counter() - began)
        collector.close()
        answers = answers[:40]
        batch = sum(block.steps for answer in answers for block in answer.blocks) / len(answers)
        waits = batch * dict(made.env.kwargs).get("waits", 0.0)
        store, update = learner_costs(config, answers, seconds)
        take, trip, put = ray_costs(answers[1], weights, seconds)
    finally:
        system.close()
    flight = made.collectors
    return Costs(
        batch=batch,
        collect=median(took),
        waits=waits,
        store=store,
        update=update,
        update_every=made.update_every,
        take=take,
        trip=trip,
        put=put,
        weights_every=flight.weights_every,
        in_flight=flight.in_flight,
    )


def learner_costs(config: Config, answers: list[BatchAnswer], seconds: float) -> tuple[float, float]:
    """Of a step that is stored and one update."""
    store = 1 / rate(with_canned(replace(config, update_every=NEVER // 10), answers), seconds, warm_up=2_000)
    every = 1 if config.conv != "nature" else 8
    both = 1 / rate(with_canned(replace(config, update_every=every), answers), seconds, warm_up=600)
    return store, (both - store) * every


def with_canned(config: Config, answers: list[BatchAnswer]) -> System:
    system = settled(config)
    assert isinstance(system.collector, Remote)
    system.collector._hands = Canned(answers)  # type: ignore[assignment]
    return system


def ray_costs(answer: BatchAnswer, weights: np.ndarray, seconds: float) -> tuple[float, float, float]:
    """Of a batch that is asked for and taken, of a trip there and back, and of weights that are put into the store."""
    actor = ray.remote(num_cpus=0)(Echo).remote(answer)
    ray.get(actor.answer.remote(None, 0, 0))
    trips, asks, takes, puts = [], [], [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(trips) < 10:
        began = time.perf_counter()
        ticket = actor.answer.remote(None, 0, 0)
        asked = time.perf_counter()
        ray.wait([ticket])
        there = time.perf_counter()
        ray.get(ticket)
        taken = time.perf_counter()
        kept = ray.put(weights)
        done = time.perf_counter()
        del kept
        trips.append(taken - began)
        asks.append(asked - began)
        takes.append(taken - there)
        puts.append(done - taken)
    ray.kill(actor)
    return median(asks) + median(takes), median(trips), median(puts)


# ── Whole runs ───────────────────────────────────────────────────────────────────────────────────


def rate(system: System, seconds: float, warm_up: int = 1_500) -> float:
    """Env steps per second of a run, after so many steps; closes it."""
    try:
        with arithmetic(system.config.threads):
            start, first = 0.0, 0
            for event in system.events():
                if not isinstance(event, BlockEnded):
                    continue
                now = time.perf_counter()
                if not start and event.step >= warm_up:
                    start, first = now, event.step
                elif start and now - start >= seconds:
                    return (event.step - first) / (now - start)
    finally:
        system.close()
    raise AssertionError("the budget has no end")


def check(config: Config, costs: Costs, nums: Sequence[int], cores: int, seconds: float) -> dict[str, Any]:
    """What runs with these numbers of collectors do, and what the model says of them."""
    rows = {}
    for num in nums:
        with Others() as others:
            measured = rate(assemble(with_collectors(config, num)), seconds)
        predicted = throughput(costs, num, cores) if num else alone(costs)
        rows[str(num)] = {
            "measured": round(measured, 1),
            "model": round(predicted, 1),
            "others": others.cores,
        }
        print(f"  {num} collectors: {measured:,.0f} steps/s, the model says {predicted:,.0f}", flush=True)
    return rows


@contextmanager
def several_nodes(num: int) -> Iterator[Any]:
    """A Ray cluster of so many nodes on this machine, joined; all of it on 127.0.0.1.

    Ray reads its token when it is imported, and remembers the first: this is for a process that joined none before.
    """
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    ray_constants.ENABLE_RAY_CLUSTER = False  # else Ray takes 127.0.0.1 for the address that others see
    head = {"num_cpus": 0, "node_ip_address": LOOPBACK, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=2, node_ip_address=LOOPBACK) for _ in range(num - 1)]
    try:
        with joined(cluster.address):
            yield cluster, nodes
    finally:
        cluster.shutdown()


def on_several_nodes(config: Config, costs: Costs, cores: int, seconds: float) -> dict[str, Any]:
    """Two collectors on two nodes beside the head, of which one node is killed."""
    with several_nodes(3) as (cluster, nodes):
        rows = check(config, costs, [2], cores, seconds)
        cluster.add_node(num_cpus=2, node_ip_address=LOOPBACK)
        system = assemble(with_collectors(config, 2))
        collector = system.collector
        assert isinstance(collector, Remote)
        killed, pause, last, at = 0.0, 0.0, 0.0, 0
        try:
            with warnings.catch_warnings(), arithmetic(1):
                warnings.simplefilter("ignore")
                for event in system.events():
                    now = time.perf_counter()
                    if isinstance(event, BlockEnded):
                        pause = max(pause, now - last if killed else 0.0)
                        last = now
                        if not killed and event.step > 1_500:
                            killed, at = now, event.step
                            cluster.remove_node(nodes[0], allow_graceful=False)
                            last = time.perf_counter()
                        elif killed and collector.replaced and event.step > at + 3_000:
                            break
        finally:
            system.close()
        return {
            "2": rows["2"],
            "node killed": {"replaced": collector.replaced, "longest pause": round(pause, 2)},
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--nodes", help="only the runs on several nodes, with these costs")
    args = parser.parse_args()
    quick = args.quick
    seconds = 0.5 if quick else 3.0
    torch.set_num_threads(1)
    cores = usable_cores()
    if args.nodes:
        costs = Costs(**json.loads(args.nodes))
        print(json.dumps(on_several_nodes(LOADS[SEVERAL], costs, cores, seconds)))
        return
    began = time.perf_counter()
    result: dict[str, Any] = {"machine": describe_machine() | {"ray": ray.__version__}, "loads": {}}
    constants = dict[str, Costs]()
    with joined("local"):
        for name, config in LOADS.items():
            print(name, flush=True)
            costs = constants[name] = measure(config, seconds / 2)
            print("  " + ", ".join(f"{field} {value:.3g}" for field, value in costs._asdict().items()), flush=True)
            result["loads"][name] = {"runs": check(config, costs, NUMS, cores, seconds)}
        print("pictures, nature", flush=True)
        constants["pictures, nature"] = measure(PICTURES, seconds / 2)
        result["loads"]["pictures, nature"] = {}
    for name, costs in constants.items():
        result["loads"][name] |= {
            "costs": {field: round(value, 9) for field, value in costs._asdict().items()},
            "model": {str(num): round(throughput(costs, num), 1) for num in SIZES},
            "saturates": {
                str(every): [saturation(slower), round(throughput(slower, NEVER), 1)]
                for every in RATES
                for slower in [costs._replace(update_every=every)]
            },
        }
    print("three nodes", flush=True)
    asked = [sys.executable, __file__, *sys.argv[1:], "--nodes", json.dumps(constants[SEVERAL]._asdict())]
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    said = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | own).stdout
    result["cluster"] = {"load": SEVERAL, **json.loads(said.splitlines()[-1])}
    print(said, flush=True)
    result["seconds"] = round(time.perf_counter() - began, 1)
    if not quick:
        write_results("scaling", result)
        write_tables(result)


if __name__ == "__main__":
    main()

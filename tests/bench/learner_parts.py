"""The measurement of one process of ``tests.bench.learners``: JSON on the command line, JSON as its answer."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from protocol import load

V1 = load("v1")
LANES = V1.lanes
WARM_UP_STEPS, MEASURED_STEPS = 250, 500
"""Vector steps: whole rollouts of every learner. As many as the warm-up follow what is measured, so that
processes side by side are all at work while any of them is measured."""


@dataclass(frozen=True)
class Part:
    """The measurement of one process: ``kind`` is ours, plain or roofline; ``vec`` is plain's vector class."""

    kind: str
    learner: str
    game: str
    seed: int
    vec: str = ""
    threads: int = 1


class Clock:
    """Notes when the measured steps begin and end."""

    def __init__(self) -> None:
        self._steps = 0
        self._times: dict[int, float] = {}

    def tick(self) -> None:
        """A vector step has been played."""
        self._times[self._steps] = time.perf_counter()
        self._steps += 1

    @property
    def steps_per_second(self) -> float:
        """Agent steps a second over the measured steps."""
        seconds = self._times[WARM_UP_STEPS + MEASURED_STEPS - 1] - self._times[WARM_UP_STEPS - 1]
        return MEASURED_STEPS * LANES / seconds


ALL_STEPS = 2 * WARM_UP_STEPS + MEASURED_STEPS


def play_ours(part: Part) -> dict[str, float]:
    """A reference learner on recorded lanes."""
    from suite.learners.practice import practice_lanes
    from suite.results.journal import JournalRecorder

    clock = Clock()

    class Recorder(JournalRecorder):
        def step(self, actions: np.ndarray, rewards: np.ndarray) -> None:
            super().step(actions, rewards)
            clock.tick()

    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "journal", LANES)
        env = practice_lanes((part.game,), ALL_STEPS, part.seed, recorder)
        import_module(f"baselines.{part.learner}").make(part.seed, LANES).learn(env)
        recorder.close()
    return {"steps_per_second": clock.steps_per_second}


def play_plain(part: Part) -> dict[str, float]:
    """Stable-Baselines3 as its zoo sets it up."""
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecFrameStack

    torch.set_num_threads(part.threads)
    clock = Clock()

    class Ticks(BaseCallback):
        def _on_step(self) -> bool:
            clock.tick()
            return True

    env = make_atari_env(
        partial(atari, part.game),
        n_envs=LANES,
        seed=part.seed,
        wrapper_kwargs={"terminal_on_life_loss": False},
        vec_env_cls=DummyVecEnv if part.vec == "dummy" else SubprocVecEnv,
    )
    algorithm = plain_algorithm(part, VecFrameStack(env, 4))
    algorithm.learn(ALL_STEPS * LANES, callback=Ticks(), log_interval=None)
    env.close()
    return {"steps_per_second": clock.steps_per_second}


def atari(game: str) -> Any:
    """One environment as Gymnasium makes it, also in a process that has imported nothing yet."""
    import ale_py
    import gymnasium

    gymnasium.register_envs(ale_py)
    name = "".join(word.capitalize() for word in game.split("_")) + "NoFrameskip-v4"
    return gymnasium.make(name, full_action_space=True, repeat_action_probability=0.25)


def plain_algorithm(part: Part, env: Any) -> Any:
    """The learner's algorithm with Stable-Baselines3's own classes and the textbook's layers.

    Only the heads are ours: Stable-Baselines3 has none.
    """
    from stable_baselines3 import A2C, DQN, PPO
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
    from torch import nn

    class Textbook(BaseFeaturesExtractor):
        def __init__(self, space: Any) -> None:
            super().__init__(space, 256)
            self.layers = nn.Sequential(
                nn.Conv2d(4, 16, 8, stride=4), nn.ReLU(), nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(),
                nn.Flatten(), nn.Linear(2592, 256), nn.ReLU(),
            )  # fmt: skip

        def forward(self, pictures: Any) -> Any:
            return self.layers(pictures)

    parameters = dict(import_module(f"baselines.{part.learner}").PARAMETERS)
    policy: Any = "CnnPolicy"
    optimizer = {"eps": parameters.pop("adam_eps")}
    policy_kwargs: dict[str, Any] = {
        "features_extractor_class": Textbook,
        "net_arch": [],
        "optimizer_kwargs": optimizer,
    }
    if part.learner == "multihead_a2c":
        from baselines.multihead import MultiHeadPolicy

        policy = MultiHeadPolicy
        policy_kwargs |= {name: parameters.pop(name) for name in ("heads", "temperature", "balance_coef")}
        parameters["use_rms_prop"] = False
    if part.learner == "dqn":
        parameters["learning_starts"] = WARM_UP_STEPS * LANES // 2
    kind = {"ppo": PPO, "multihead_a2c": A2C, "dqn": DQN}[part.learner]
    return kind(policy, env, seed=part.seed, device="cpu", policy_kwargs=policy_kwargs, **parameters)


def measure_bare(part: Part) -> dict[str, float]:
    """Seconds an agent step of emulation, inference and training, and the rate that they allow."""
    learner = import_module(f"baselines.{part.learner}").make(part.seed, LANES)
    emulation = bare_emulation(part.game, part.seed)
    inference, training = bare_arithmetic(part.learner, learner)
    seconds = {"emulation": emulation, "inference": inference, "training": training}
    return {"steps_per_second": 1 / sum(seconds.values()), **seconds}


def bare_emulation(game: str, seed: int) -> float:
    """Seconds a step of one console, with its picture."""
    from suite.emulator.console import Console as AtariConsole
    from suite.emulator.roms import checked_cartridge

    console = AtariConsole(checked_cartridge(V1, game), V1.environment)
    console.begin(seed)
    picture = np.empty((84, 84), np.uint8)
    chosen = np.random.Generator(np.random.Philox(key=seed)).integers(0, 18, 6000).tolist()
    begun = time.perf_counter()
    for action in chosen:
        console.step_and_show(action, picture)
        if console.game_over:
            console.begin(seed)
    return (time.perf_counter() - begun) / len(chosen)


def bare_arithmetic(name: str, learner: Any) -> tuple[float, float]:
    """Seconds a step of the network's forward passes while playing, and of learning."""
    import torch

    policy, parameters = learner.policy, learner.configuration
    network = {"dqn": lambda pictures: policy.q_net(pictures)}.get(name) or (
        lambda pictures: torch.cat(_actor_critic(policy, pictures), 1)
    )

    def pictures(count: int) -> Any:
        drawn = torch.randint(0, 256, (count, 4, 84, 84), dtype=torch.uint8)
        return drawn.contiguous(memory_format=torch.channels_last)

    few = pictures(LANES)

    def play() -> None:
        with torch.no_grad():
            network(few)

    samples, steps = {
        "ppo": lambda: (parameters["batch_size"], parameters["batch_size"] / parameters["n_epochs"]),
        "multihead_a2c": lambda: (parameters["n_steps"] * LANES,) * 2,
        "dqn": lambda: (parameters["batch_size"], parameters["train_freq"] * LANES),
    }[name]()
    batch = pictures(samples)

    def learn() -> None:
        if name == "dqn":
            with torch.no_grad():
                policy.q_net_target(batch)
        policy.optimizer.zero_grad()
        network(batch).square().mean().backward()
        policy.optimizer.step()

    # Actor-critics look once more at the end of each rollout, at the value of what comes next.
    looks = 1 if name == "dqn" else 1 + 1 / parameters["n_steps"]
    return looks * seconds_per_call(play) / LANES, seconds_per_call(learn) / steps


def _actor_critic(policy: Any, pictures: Any) -> tuple[Any, ...]:
    if hasattr(policy, "mix"):
        return tuple(policy.mix(pictures)[:2])
    features = policy.extract_features(pictures)
    return policy.action_net(features), policy.value_net(features)


def seconds_per_call(call: Callable[[], None], seconds: float = 2.0) -> float:
    """Mean seconds of a call, over two seconds, after a few calls to warm up."""
    for _ in range(5):
        call()
    calls, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        call()
        calls += 1
    return passed / calls


KINDS = {"ours": play_ours, "plain": play_plain, "roofline": measure_bare}


if __name__ == "__main__":
    part = Part(**json.loads(sys.argv[1]))
    print(json.dumps(KINDS[part.kind](part)))

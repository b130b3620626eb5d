"""Learners that break the contract, each in one way."""

import errno
import os
import pickle
import signal
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from baselines.uniform import UniformLearner
from protocol import BudgetExhausted


class EarlyStop(UniformLearner):
    """Returns before its frames are spent."""

    def learn(self, env):
        env.reset()
        env.step(np.zeros(env.num_envs, np.int64))


class Raises(UniformLearner):
    """Fails in the middle of training."""

    def learn(self, env):
        env.reset()
        for _ in range(5):
            env.step(np.zeros(env.num_envs, np.int64))
        raise RuntimeError("the learner's own fault")


class Killed(UniformLearner):
    """Ends its own process."""

    def learn(self, env):
        os.kill(os.getpid(), signal.SIGKILL)


class WritesIntoEveryPipe(UniformLearner):
    """Writes a line into each pipe of its process, including the one to the harness."""

    def learn(self, env):
        for number in range(3, 32):
            with suppress(OSError):
                if stat.S_ISFIFO(os.fstat(number).st_mode):
                    os.write(number, b"hello\n")
        super().learn(env)


class BadActions(UniformLearner):
    """Chooses an action beyond the set."""

    def act(self, observations, episode_start):
        return super().act(observations, episode_start) + 18


class FloatActions(UniformLearner):
    """Chooses actions that are not integers."""

    def act(self, observations, episode_start):
        return super().act(observations, episode_start) * 1.0


class IgnoresSeed(UniformLearner):
    """Draws from a source other than its seed."""

    def __init__(self, seed, lanes):
        super().__init__(7, lanes)


class Unseeded(UniformLearner):
    """Draws from the operating system."""

    def __init__(self, seed, lanes):
        super().__init__(int.from_bytes(os.urandom(4), "big"), lanes)


class Pickles(UniformLearner):
    """Saves a pickle."""

    def save(self, folder: Path):
        (folder / "weights").write_bytes(pickle.dumps({"a": 1}))


class SavesNothing(UniformLearner):
    """Saves no file."""

    def save(self, folder: Path):
        pass


class LearnsInAct(UniformLearner):
    """Changes its weights in act."""

    acted = 0

    def act(self, observations, episode_start):
        self.acted += 1
        return super().act(observations, episode_start)

    def save(self, folder: Path):
        (folder / "weights").write_text(str(self.acted))


class LearnsUnseeded(UniformLearner):
    """Learns what the operating system draws."""

    learned = b""

    def learn(self, env):
        super().learn(env)
        self.learned = os.urandom(8)

    def save(self, folder: Path):
        (folder / "weights").write_text(self.learned.hex())

    def load(self, folder: Path):
        self.learned = bytes.fromhex((folder / "weights").read_text())


class NamesItsFolder(UniformLearner):
    """Saves where it saved."""

    def save(self, folder: Path):
        (folder / "settings").write_text(f"out = {folder}\n")


class ActsBeyond(UniformLearner):
    """Learns with actions of the set, and acts with one beyond it."""

    def learn(self, env):
        UniformLearner(1, self._lanes).learn(env)

    def act(self, observations, episode_start):
        return np.full(self._lanes, 18)


class ActsByHalves(ActsBeyond):
    """Learns with actions of the set, and acts with halves."""

    def act(self, observations, episode_start):
        return np.full(self._lanes, 0.5)


class CannotGoOn(UniformLearner):
    """Learns, but not once it has been loaded."""

    def load(self, folder: Path):
        self.learn = lambda env: env.reset()


class Counts(UniformLearner):
    """Keeps the contract: saves how many steps it has learned from."""

    steps = 0

    def learn(self, env):
        env.reset()
        with suppress(BudgetExhausted):
            while True:
                env.step(self.act(None, None))
                self.steps += 1

    def save(self, folder: Path):
        (folder / "steps").write_text(str(self.steps))

    def load(self, folder: Path):
        self.steps = int((folder / "steps").read_text())


class ForgetsOnLoad(Counts):
    """Does not read what it saved."""

    def load(self, folder: Path):
        pass


class HalfResumable(UniformLearner):
    """Writes a state and cannot read it."""

    def save_state(self, folder: Path):
        (folder / "state").touch()


class ResumesElsewhere(HalfResumable):
    """Forgets how many actions it has drawn."""

    def load_state(self, folder: Path):
        pass


class Resumes(UniformLearner):
    """Keeps the contract: goes on with the draws of the learner that wrote the state."""

    def learn(self, env):
        env.reset()
        with suppress(BudgetExhausted):
            while True:
                env.safe_point(self.save_state)
                env.step(self.act(None, None))

    def save_state(self, folder: Path):
        np.save(folder / "state.npy", self._generator.bit_generator.state["state"]["counter"])

    def load_state(self, folder: Path):
        whole = self._generator.bit_generator.state
        whole["state"]["counter"] = np.load(folder / "state.npy")
        self._generator.bit_generator.state = whole


class CannotReadItsState(Resumes):
    """Cannot read the state that it wrote."""

    def load_state(self, folder: Path):
        raise ValueError("another layout")


class ResumesUntrained(Counts):
    """Keeps nothing of what it has learned in its state; its acting does not show that."""

    def act(self, observations, episode_start):
        return np.zeros(8, np.int64)

    def save_state(self, folder: Path):
        (folder / "state").touch()

    def load_state(self, folder: Path):
        pass


class ConfiguredBySeed(UniformLearner):
    """Has different hyper-parameters for another seed."""

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        self.configuration = {"learning_rate": 1.0 / seed}


class NoConfiguration(UniformLearner):
    """Has a configuration that is not JSON-able."""

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        self.configuration = {"network": object()}


class ChangesInputs(UniformLearner):
    """Writes into the observations that it receives."""

    def act(self, observations, episode_start):
        observations[:] = 0
        return super().act(observations, episode_start)


class FailsOnOneGame(UniformLearner):
    """Fails in runs of a single game: those of the fresh and the transfer arm."""

    def learn(self, env):
        if env.budget_frames == 8_000:
            print("about to fail")
            raise RuntimeError("too little to learn from")
        super().learn(env)


class ConfiguredAtLength(UniformLearner):
    """Has a configuration that does not fit into a record."""

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        self.configuration = {"vocabulary": "x" * 100_000}


class Exits(UniformLearner):
    """Ends its process as if all were well."""

    def learn(self, env):
        os._exit(0)


class LeavesBySysExit(UniformLearner):
    """Leaves a call in a way that ends Python programs."""

    def save(self, folder: Path):
        raise SystemExit(0)


class RaisesItsOwnKind(UniformLearner):
    """Raises an exception that ``except Exception`` does not catch."""

    def learn(self, env):
        raise KeyboardInterrupt


class DiesLoudly(UniformLearner):
    """Ends its process, and says why."""

    def learn(self, env):
        print("out of ideas", file=sys.stderr, flush=True)
        os._exit(3)


class ActsAsAPair(UniformLearner):
    """Returns actions and a state, as Stable-Baselines3's ``predict`` does."""

    def act(self, observations, episode_start):
        return super().act(observations, episode_start), None


class SavesTheTime(UniformLearner):
    """Saves what it learned, and when."""

    def save(self, folder):
        super().save(folder)
        (folder / "time.txt").write_text(str(time.time_ns()))


class StopsAtOnce(UniformLearner):
    """Learns nothing and plays nothing."""

    def learn(self, env):
        pass


class GoesOn(UniformLearner):
    """Catches every error of the lanes, and steps on."""

    def learn(self, env):
        env.reset()
        while True:
            with suppress(Exception):
                env.step([0] * env.num_envs)


class FailsByValue(UniformLearner):
    """Raises the error that numpy and torch raise most."""

    def learn(self, env):
        raise ValueError("operands could not be broadcast together")


class ConfiguredBeyond(UniformLearner):
    """Has a hyper-parameter that is no finite number."""

    def __init__(self, seed, lanes):
        super().__init__(seed, lanes)
        self.configuration = {"rates": (0.1, float("nan"))}


def returns_nothing(seed, lanes):
    """Make a learner, and forget to return it."""
    UniformLearner(seed, lanes)


def takes_more(seed, lanes, rate):
    """Need a hyper-parameter that nobody gives."""
    return UniformLearner(seed, lanes)


class CannotReadItsDisk(Resumes):
    """Meets a disk that cannot read the state that it wrote."""

    def load_state(self, folder: Path):
        raise OSError(errno.EIO, "input/output error")

"""A uniform learner that writes down everything that it is handed."""

from pathlib import Path

from baselines.uniform import UniformLearner

HANDED: list[tuple] = []


class Observer(UniformLearner):
    """Keeps every argument of every call in HANDED."""

    def learn(self, env):
        HANDED.append(("learn", env))
        super().learn(env)

    def act(self, observations, episode_start):
        HANDED.append(("act", observations.shape, episode_start.shape))
        return super().act(observations, episode_start)

    def save(self, folder: Path):
        HANDED.append(("save", folder))
        super().save(folder)

    def load(self, folder: Path):
        HANDED.append(("load", folder))
        super().load(folder)

    def write_notes(self, folder: Path):
        HANDED.append(("write_notes", folder))
        (folder / "seen.txt").write_text("a note")


def make(seed, lanes):
    """Write down the arguments, then make the learner."""
    HANDED.append(("make", seed, lanes))
    return Observer(seed, lanes)

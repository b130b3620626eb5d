"""Learners that take hyper-parameters."""

from baselines.uniform import UniformLearner


class Tunable(UniformLearner):
    """Has the hyper-parameters that it was made with in its configuration."""

    def __init__(self, seed, lanes, **values):
        super().__init__(seed, lanes)
        self.configuration = {"algorithm": "tunable", **values}


def make(seed, lanes, epsilon=0.5, layers=(32, 64), name="plain"):
    return Tunable(seed, lanes, epsilon=epsilon, layers=layers, name=name)


def open_to_all(seed, lanes, **values):
    return Tunable(seed, lanes, **values)


def forgetful(seed, lanes, epsilon=0.5):
    return UniformLearner(seed, lanes)

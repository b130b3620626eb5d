"""A PPO that was tuned in secret: it declares the published configuration and learns with another rate."""

from baselines.ppo import PARAMETERS, PPOLearner


def make(seed: int, lanes: int) -> PPOLearner:
    """Twice the learning rate, under the configuration of ``baselines.ppo:make``."""
    learner = PPOLearner(seed, lanes, {**PARAMETERS, "learning_rate": 2 * PARAMETERS["learning_rate"]})
    learner.configuration = PPOLearner(seed, lanes).configuration
    return learner

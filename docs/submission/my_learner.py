"""A learner that repeats the action that has earned most."""

import json

import numpy as np

from amtlb import BudgetExhausted


class Lucky:
    def __init__(self, seed, lanes, exploration):
        self.configuration = {"algorithm": "lucky", "exploration": exploration}
        self.rng = np.random.default_rng(seed)
        self.lanes = lanes
        self.earned = np.zeros(18)

    def learn(self, env):
        env.reset()
        try:
            while True:
                actions = self.act(None, None)
                _, rewards, _, _, _ = env.step(actions)
                np.add.at(self.earned, actions, rewards)
        except BudgetExhausted:
            return

    def act(self, observations, episode_start):
        explore = self.rng.random(self.lanes) < self.configuration["exploration"]
        return np.where(explore, self.rng.integers(0, 18, self.lanes), self.earned.argmax())

    def save(self, folder):
        (folder / "earned.json").write_text(json.dumps(self.earned.tolist()))

    def load(self, folder):
        self.earned = np.array(json.loads((folder / "earned.json").read_text()))


def make(seed, lanes, exploration=0.5):
    return Lucky(seed, lanes, exploration)

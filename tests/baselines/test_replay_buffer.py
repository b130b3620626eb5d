"""The replay buffer returns exactly the steps that were added, from pictures stored once."""

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.adapter import interleaved
from baselines.replay_buffer import PictureReplay
from baselines.state import read_state, write_state

STACK, SIZE, LANES = 4, 3, 2
SPACE = gymnasium.spaces.Box(0, 255, (STACK, SIZE, SIZE), np.uint8)


def replay(rows, seed=0):
    return PictureReplay(rows * LANES, SPACE, gymnasium.spaces.Discrete(18), "cpu", LANES, False, seed=seed)


class Film:
    """Lanes that show a new picture at each step, with zero-padded stacks and a given pattern of ends."""

    def __init__(self):
        self.count = 0
        self.stacks = np.zeros((LANES, STACK, SIZE, SIZE), np.uint8)
        for lane in range(LANES):
            self.begin(lane)

    def picture(self):
        self.count += 1
        return np.full((SIZE, SIZE), [self.count % 251, self.count // 251, 7], np.uint8)

    def begin(self, lane):
        self.stacks[lane] = 0
        self.stacks[lane, -1] = self.picture()

    def step(self, ends):
        """Return (obs, next_obs, done, infos) of a step; ``ends``: None, 'terminated' or 'truncated' a lane."""
        before = self.stacks.copy()
        for lane in range(LANES):
            self.stacks[lane, :-1] = self.stacks[lane, 1:].copy()
            self.stacks[lane, -1] = self.picture()
        after = self.stacks.copy()
        for lane, end in enumerate(ends):
            if end:
                self.begin(lane)
        done = np.array([end is not None for end in ends])
        return before, after, done, [{"TimeLimit.truncated": end == "truncated"} for end in ends]


ENDS = st.lists(
    st.tuples(*[st.sampled_from([None, None, None, "terminated", "truncated"])] * LANES),
    min_size=1,
    max_size=60,
)


@given(ends=ENDS, rows=st.integers(STACK + 1, 30))
def test_every_step_that_can_be_drawn_is_the_one_that_was_added(ends, rows):
    """Each row and lane gives the same observation, action, reward, end and next observation as a list."""
    film, buffer, naive = Film(), replay(rows), []
    for number, end in enumerate(ends):
        obs, after, done, infos = film.step(end)
        action, reward = np.arange(LANES) + number % 16, np.array([number, -number], np.float32)
        buffer.add(interleaved(obs), interleaved(after), action, reward, done, infos)
        naive.append((obs, after, action, reward, [e == "terminated" for e in end]))
    drawable = len(naive) if not buffer.full else rows - STACK
    for back in range(1, drawable + 1):
        obs, after, action, reward, terminated = naive[-back]
        row = np.full(LANES, (buffer.pos - back) % rows)
        found = buffer._samples(row, np.arange(LANES))
        assert np.array_equal(found.observations.numpy(), obs)
        assert np.array_equal(found.next_observations.numpy(), after)
        assert found.actions[:, 0].tolist() == action.tolist()
        assert found.rewards[:, 0].tolist() == reward.tolist()
        assert found.dones[:, 0].tolist() == terminated


@given(steps=st.integers(1, 40), rows=st.integers(STACK + 1, 12))
def test_draws_are_those_that_can_be_drawn_and_all_of_them(steps, rows):
    """Many draws give every step that is whole, and no other."""
    film, buffer = Film(), replay(rows)
    for number in range(steps):
        obs, after, done, infos = film.step([None] * LANES)
        buffer.add(obs, after, np.zeros(LANES, np.int64), np.full(LANES, number, np.float32), done, infos)
    drawn = set(buffer.sample(1000).rewards.flatten().tolist())
    oldest = 0 if steps < rows else steps - (rows - STACK)
    assert drawn == set(range(oldest, steps))


def test_the_seed_decides_the_draws():
    """The same seed draws the same steps; another seed draws others."""
    drawn = []
    for seed in (1, 1, 2):
        film, buffer = Film(), replay(20, seed)
        for number in range(15):
            obs, after, done, infos = film.step([None] * LANES)
            buffer.add(obs, after, np.zeros(LANES, np.int64), np.full(LANES, number, np.float32), done, infos)
        drawn.append(buffer.sample(50).rewards.flatten().tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_each_picture_is_stored_once():
    """A hundred thousand steps of 8 lanes take 0.7 GB for their pictures and little more."""
    space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    buffer = PictureReplay(100_000, space, gymnasium.spaces.Discrete(18), "cpu", 8, False, seed=0)
    held = sum(value.nbytes for value in vars(buffer).values() if isinstance(value, np.ndarray))
    assert 100_000 * 84 * 84 <= held < 1.01 * 100_000 * 84 * 84


def test_samples_lie_as_convolutions_want_them():
    """Observations are channels-last, so no later pass over them is needed."""
    film, buffer = Film(), replay(20)
    for _ in range(10):
        obs, after, done, infos = film.step([None] * LANES)
        buffer.add(obs, after, np.zeros(LANES, np.int64), np.zeros(LANES), done, infos)
    sample = buffer.sample(8)
    for pictures in (sample.observations, sample.next_observations):
        assert pictures.permute(0, 2, 3, 1).is_contiguous()


def test_a_ring_too_small_to_draw_from_is_refused():
    """The error names the size, the rows and what is needed."""
    with pytest.raises(ValueError, match="needs at least 10 steps"):
        replay(STACK)


def test_last_pictures_go_with_their_rows():
    """Once the rows of ended episodes have been overwritten, nothing is stored about their ends."""
    film, buffer = Film(), replay(10)
    for number in range(15):
        obs, after, done, infos = film.step(["terminated" if number < 5 else None] * LANES)
        buffer.add(obs, after, np.zeros(LANES, np.int64), np.zeros(LANES), done, infos)
    assert buffer._last_pictures == {}


@given(ends=ENDS, rows=st.integers(STACK + 1, 30), broken_after=st.integers(0, 59))
def test_a_buffer_goes_on_from_its_state(tmp_path_factory, ends, rows, broken_after):
    """A buffer set to another's state, its ring wrapped or not, holds and draws the same from then on."""
    film, whole, resumed = Film(), replay(rows, seed=3), replay(rows, seed=4)

    def add(buffer, step):
        observations, following, done, infos = step
        actions, rewards = np.arange(LANES) % 18, np.ones(LANES, np.float32)
        buffer.add(observations, following, actions, rewards, done, infos)

    for place, end in enumerate(ends):
        if place == broken_after:
            folder = tmp_path_factory.mktemp("state")
            counters, arrays = whole.state()
            write_state(folder, counters, arrays)
            resumed.set_state(*read_state(folder, arrays))
        step = film.step(end)
        add(whole, step)
        if place >= broken_after:
            add(resumed, step)
            one, other = whole.sample(5), resumed.sample(5)
            assert all(torch.equal(mine, its) for mine, its in zip(one[:5], other[:5], strict=True))

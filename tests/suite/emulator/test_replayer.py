"""Real episodes replay alone, bit for bit, in a new process."""

import hashlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from protocol import EpisodeRecord, describe, parse_run_id
from suite.emulator.console import Console
from suite.emulator.replayer import Replay, Replayer
from suite.emulator.roms import checked_cartridge
from tests.suite.helpers import V1, episodes, record_random

FEW = ["breakout", "journey_escape", "montezuma_revenge", "qbert", "space_invaders_mode15_difficulty1"]
MANY = [
    "air_raid", "asterix", "enduro", "pitfall", "pooyan", "private_eye", "skiing", "solaris", "tennis",
    "video_pinball", "breakout_mode28_difficulty0", "hero_mode2_difficulty0",
]  # fmt: skip
RUN = "smoke/generalist/seed0"


def replay_by_numbers(game: str, lane: int, number: int, actions: bytes) -> Replay:
    """A replay from nothing but an episode's place, game and actions."""
    blank = EpisodeRecord("training", lane, number, game, 0, 0, 0, "budget", actions, (), (), b"")
    return Replayer(V1).replay(describe(parse_run_id(RUN, V1), V1), blank)


@pytest.mark.parametrize("games", [FEW, MANY], ids=["few", "many"])
def test_one_of_the_games_has_another_height(games):
    """The games that are replayed include one whose screen is not 210 high."""
    heights = {Console(checked_cartridge(V1, game), V1.environment)._screens.shape[1] for game in games}
    assert heights - {210}


@pytest.mark.parametrize(
    "games", [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]
)
def test_episodes_replay_alone_in_a_new_process(tmp_path, games):
    """Run id, lane, number, game and actions alone reproduce the recorded rewards, ends and RAM."""
    played = episodes(record_random(tmp_path, games, 240, run_id=RUN, max_episode_steps=110))
    assert {episode.game for episode in played} == set(games)
    assert sum(episode.episode_return != 0 for episode in played) > len(games) / 2
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(replay_by_numbers, episode.game, episode.lane, episode.number, episode.actions)
            for episode in played
        ]
        for episode, future in zip(played, futures, strict=True):
            again = future.result()
            assert again.rewards == episode.rewards, episode.game
            assert again.reward_steps == episode.reward_steps
            assert again.ram_sha256 == episode.ram_sha256
            assert again.game_over == (episode.end_reason == "game_over")


def test_another_place_or_action_plays_otherwise(tmp_path):
    """An episode does not replay under another number, lane, or with one action changed."""
    episode = episodes(record_random(tmp_path, ["breakout"], 800, run_id=RUN))[0]
    recorded = episode.ram_sha256
    changed = bytes([episode.actions[0] ^ 1]) + episode.actions[1:]
    assert replay_by_numbers("breakout", episode.lane, episode.number, episode.actions).ram_sha256 == recorded
    for lane, number, actions in (
        (episode.lane, episode.number + 1, episode.actions),
        (episode.lane ^ 1, episode.number, episode.actions),
        (episode.lane, episode.number, bytes(18 - 1 - action for action in episode.actions)),
        (episode.lane, episode.number, changed + b"\x01"),
    ):
        assert replay_by_numbers("breakout", lane, number, actions).ram_sha256 != recorded
    assert recorded != hashlib.sha256(bytes(128)).digest()


def test_an_action_beyond_the_set_is_refused():
    """An action above 17 would end the process; it is a ValueError instead."""
    with pytest.raises(ValueError, match="18"):
        replay_by_numbers("breakout", 0, 0, b"\x12")

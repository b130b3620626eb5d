"""Clips: the best evaluation episode of a game, small, and proven to its end."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from protocol import StoreError
from suite.episodes.best import EVALUATED_ARMS, best_runs
from suite.episodes.clips import MOST_PICTURES, MOST_SPEED, best_clip
from suite.episodes.recorded import find_recorded
from suite.report.watching import Episode, best_episodes, embedded, watched
from suite.results.results import open_results
from suite.results.store import Store
from suite.scoring.outcomes import read_outcomes
from tests.suite.helpers import V1

RUN = "ppo/generalist/seed0"


@pytest.fixture(scope="module")
def outcomes():
    results = open_results("uniform")
    return read_outcomes(results.store, results.edition)


@pytest.fixture(scope="module")
def clip():
    return best_clip(V1, find_recorded(RUN, V1, "smoke"), "breakout")


def test_the_best_run_has_the_highest_return_of_all_ledgers(outcomes):
    """Looked up ledger by ledger, no evaluation episode of any run returned more than that of the best one."""
    results = open_results("uniform")
    best = {}
    for run_id in results.run_ids:
        table = results.ledger(run_id, ["phase", "game", "episode_return"]).to_pylist()
        for row in table:
            if row["phase"] == "evaluation":
                best.setdefault(row["game"], {}).setdefault(str(run_id), []).append(row["episode_return"])
    for game, run_id in best_runs(outcomes).items():
        tops = {name: max(returns) for name, returns in best[game].items()}
        first = min((name for name in tops if tops[name] == max(tops.values())), key=by_arm)
        assert str(run_id) == first


def by_arm(name: str) -> tuple[int, str]:
    return EVALUATED_ARMS.index(name.split("/")[1]), name[-1]


def test_a_clip_is_small_and_ends_with_the_episode(clip):
    """It has a bounded number of pictures; the still one is the last of those that move."""
    moving = [
        np.array(one.convert("RGB")) for one in ImageSequence.Iterator(Image.open(io.BytesIO(clip.moving)))
    ]
    still = np.array(Image.open(io.BytesIO(clip.still)).convert("RGB"))
    assert len(moving) <= MOST_PICTURES
    assert len(clip.moving) < 200_000
    assert (moving[-1] == still).all()
    assert still.shape == (clip.height_pixels, clip.width_pixels, 3)
    assert 1 <= clip.speed <= MOST_SPEED
    recorded = find_recorded(RUN, V1, "smoke")
    episode = recorded.episode(clip.row)
    assert (episode.game, episode.phase) == ("breakout", "evaluation")
    assert episode.episode_return == clip.episode_return
    assert clip.length_frames == 4 * episode.length_steps


def test_a_long_episode_shows_its_end():
    """Of an episode that is longer than the fastest clip, the last frames are shown."""
    recorded = find_recorded("multihead_a2c/transfer/fold0/space_invaders/seed1", V1, "smoke")
    long = best_clip(V1, recorded, "space_invaders")
    assert long.length_frames == 4000
    assert long.speed == MOST_SPEED
    assert long.shown_frames == 4 * MOST_SPEED * (MOST_PICTURES - 1)
    said = watched(Episode("space_invaders", recorded.run.run_id, long, ""), "A", embedded)
    assert f"the last {long.shown_frames:,} frames" in said.caption
    assert said.still.startswith("data:image/webp;base64,")


def test_a_forged_episode_is_not_shown():
    """An episode whose rewards are not those of its actions stops the clip."""
    recorded = find_recorded(RUN, V1, "smoke")
    rows = recorded.table.to_pylist()
    best = max((row for row in rows if row["phase"] == "evaluation"), key=lambda row: row["episode_return"])
    best["rewards"] = [best["rewards"][0] + 1, *best["rewards"][1:]]
    best["episode_return"] += 1
    forged = type(recorded.table).from_pylist(rows, recorded.table.schema)
    with pytest.raises(StoreError, match="does not say what was played"):
        best_clip(V1, type(recorded)(RUN, "ppo", recorded.run, recorded.ledger_sha256, forged), best["game"])


def test_a_page_says_why_an_episode_is_not_shown(outcomes, tmp_path):
    """A page shows the reason in place of the picture if the ledger cannot be read."""
    found = best_episodes(Store(tmp_path, V1), outcomes)
    assert [one.game for one in found] == list(outcomes.games)
    for one in found:
        shown = watched(one, one.game, embedded)
        assert shown.caption.startswith("Not shown: ")
        assert shown.still == shown.moving == ""

"""Videos show what was played, in the console's own picture, in three formats."""

import json
from fractions import Fraction
from functools import partial
from hashlib import sha256
from itertools import pairwise

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageSequence

from protocol import StoreError, UnknownName
from suite.emulator.colour import ColourConsole
from suite.emulator.console import Console
from suite.emulator.roms import checked_cartridge
from suite.episodes.proven import Claims
from suite.episodes.strips import Shown, show
from suite.episodes.video import FORMATS, check_name, write_video
from tests.suite.episodes.recordings import FRESH, changed, copied, published
from tests.suite.helpers import V1

SHORT = "ppo/fresh/space_invaders/seed0"


def shortest(name: str) -> Shown:
    run = published(name)
    row = int(np.argmin(run.table["length_steps"].to_numpy()))
    return Shown(run.title, Claims(V1, run, row))


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return list(show(V1, [shortest(FRESH)], 1))


def decoded(path) -> list[np.ndarray]:
    if path.suffix == ".webp":  # FFmpeg writes moving ones and reads none
        with Image.open(path) as image:
            return [np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    with av.open(path) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.parametrize("game", ["breakout", "air_raid", "pitfall", "journey_escape"])
def test_colour_is_the_same_play(game):
    """Rewards, RAM and, in shades of grey, the learner's pictures are those of a console without colour."""
    colour, plain = (kind(checked_cartridge(V1, game), V1.environment) for kind in (ColourConsole, Console))
    screen, shrunk = np.empty(colour.picture_shape, np.uint8), np.empty((84, 84), np.uint8)
    rams = np.empty((2, 128), np.uint8)
    for console in (colour, plain):
        console.begin(3)
    colour.first_picture_in_colour(screen)
    plain.first_picture(shrunk)
    for action in np.random.Generator(np.random.Philox(key=1)).integers(0, 18, 60).tolist():
        grey = np.rint(screen @ [0.2989, 0.587, 0.114]).astype(np.uint8)
        if game != "air_raid":  # its odd colours have shades of grey of their own in the emulator
            np.testing.assert_allclose(cv2.resize(grey, (84, 84), interpolation=cv2.INTER_AREA), shrunk, atol=1)
        assert colour.step_in_colour(action, screen) == plain.step_and_show(action, shrunk)
        colour.ram(rams[0])
        plain.ram(rams[1])
        assert (rams[0] == rams[1]).all()
    assert len(np.unique(screen.reshape(-1, 3), axis=0)) > 3


def test_an_episode_has_a_picture_a_step_and_the_first_one(pictures):
    """There is one picture before the first step and one after each, under a strip that counts the frames."""
    episode = shortest(FRESH).claims.episode
    assert len(pictures) == episode.length_steps + 1
    screens = np.stack(pictures)[:, -210:, :160]
    console = ColourConsole(checked_cartridge(V1, "breakout"), V1.environment)
    screen = np.empty(console.picture_shape, np.uint8)
    console.first_picture_in_colour(screen)
    assert (screens[0] == screen).all()
    console.begin(episode.seed)
    for shown, action in zip(screens[1:], episode.actions, strict=True):
        console.step_in_colour(action, screen)
        assert (shown == screen).all()
    strips = np.stack(pictures)[:, :-210]
    assert all((older != newer).any() for older, newer in pairwise(strips))


def test_scale_enlarges_every_pixel(pictures):
    """At scale 3, each pixel of the console is 3 by 3."""
    large = next(iter(show(V1, [shortest(FRESH)], 3)))
    assert (large[-630:, :480][1::3, 1::3] == pictures[0][-210:, :160]).all()


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_show_the_pictures(tmp_path, pictures, suffix):
    """GIF and WebP hold every pixel, MP4 nearly so; all at the speed that was asked for."""
    path = tmp_path / f"episode{suffix}"
    assert write_video(path, partial(iter, pictures), Fraction(15)) == path.stat().st_size > 0
    found = decoded(path)
    assert len(found) == len(pictures)
    for ours, theirs in zip(pictures, found, strict=True):
        difference = np.abs(ours.astype(int) - theirs)
        assert difference.mean() < 4 if suffix == ".mp4" else not difference.any()
    if suffix == ".webp":
        with Image.open(path) as image:
            image.seek(1)
            image.load()
            assert image.info["duration"] in (66, 67)
    else:
        with av.open(path) as file:
            assert file.duration / av.time_base == pytest.approx(len(pictures) / 15, abs=0.1)
    assert [path] == list(tmp_path.iterdir())


def test_more_colours_than_a_gif_has_are_rounded(tmp_path):
    """Pictures of more than 255 colours lose their lowest bits in a GIF, and nothing else."""
    generator = np.random.Generator(np.random.Philox(key=1))
    noise = list(generator.integers(0, 256, (3, 40, 40, 3), np.uint8))
    write_video(tmp_path / "noise.gif", partial(iter, noise), Fraction(15))
    for ours, theirs in zip(noise, decoded(tmp_path / "noise.gif"), strict=True):
        assert np.abs(ours.astype(int) - theirs).max() < 64


def test_fast_videos_leave_pictures_out(tmp_path, pictures):
    """At 16 times the speed a GIF keeps every fifth picture, and shows them 48 times a second."""
    write_video(tmp_path / "fast.gif", partial(iter, pictures), Fraction(15 * 16))
    assert len(decoded(tmp_path / "fast.gif")) == -(-len(pictures) // 5)


def test_two_stand_next_to_each_other_until_both_have_ended(pictures):
    """Each half shows its own episode; the shorter one keeps its last picture."""
    run = published(FRESH)
    longest = Shown(run.title, Claims(V1, run, int(np.argmax(run.table["length_steps"].to_numpy()))))
    both = list(show(V1, [shortest(FRESH), longest], 1))
    assert len(both) == longest.claims.episode.length_steps + 1 > len(pictures)
    for place in (0, len(pictures) - 1):
        assert (both[place][:, :160] == pictures[place]).all()
    assert (both[-1][:, :160] == pictures[-1]).all()
    assert (both[0][:, 164:] != both[-1][:, 164:]).any()


def test_what_is_left_out_is_proven_too(tmp_path):
    """An episode that is forged in its last step leaves no file behind, however fast it is shown."""
    run = published(FRESH)
    row = shortest(FRESH).claims.row
    forged = changed(run, row, lambda values: values.update(ram_sha256=bytes(32)))
    for suffix in FORMATS:
        play = partial(show, V1, [Shown("forged", Claims(V1, forged, row))], 1)
        with pytest.raises(StoreError, match="RAM"):
            write_video(tmp_path / f"forged{suffix}", play, Fraction(15 * 64))
    assert not list(tmp_path.iterdir())


def test_names_and_places_that_cannot_be_written_are_refused(tmp_path, pictures):
    """A name of another kind, or a folder that is not there, is an error that names it."""
    with pytest.raises(UnknownName, match=r"episode\.avi.*\.mp4, \.gif, \.webp"):
        check_name(tmp_path / "episode.avi")
    with pytest.raises(StoreError, match="choose another --out"):
        write_video(tmp_path / "nowhere" / "episode.mp4", partial(iter, pictures), Fraction(15))


def test_watch_writes_a_video_or_one_line(amtlb, tmp_path):
    """`amtlb watch` says what it shows; a ledger forged with its digest is one line, status 1, and no file."""
    done = amtlb("watch", FRESH, "--episode", "last", "--scale", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "breakout, evaluation" in done.stdout
    assert len(decoded(tmp_path / "episode.mp4")) > 10
    folder = copied(FRESH, tmp_path / "forged")
    table = pq.read_table(folder / "ledger.parquet")
    place = table.schema.get_field_index("actions")
    actions = [bytes(17 - one for one in actions) for actions in table["actions"].to_pylist()]
    forged = table.set_column(place, table.schema.field(place), [actions])
    pq.write_table(forged, folder / "ledger.parquet")
    record = json.loads((folder / "record.json").read_text())
    record["ledger_sha256"] = sha256((folder / "ledger.parquet").read_bytes()).hexdigest()
    (folder / "record.json").write_text(json.dumps(record))
    done = amtlb("watch", folder, "--out", tmp_path / "forged.mp4")
    assert done.returncode == 1
    assert done.stderr.startswith("error: row ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "forged.mp4").exists()

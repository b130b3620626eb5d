"""The best evaluation episode of each game as a small picture that moves, and what is said of it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from protocol import AmtlbError, RunId
from suite.episodes.best import best_runs
from suite.results.store import Store
from suite.scoring.outcomes import Outcomes

if TYPE_CHECKING:
    from suite.episodes.clips import Clip

PROVEN = (
    "Each was played again from its actions to its end: every reward, the end and the last RAM are those "
    "of the ledger."
)
"""The statement about all episodes on a page."""


class Watched(NamedTuple):
    """An episode on a page.

    Attributes:
        title: above what is said of it.
        caption: what was played, by which run.
        alternative: for those who do not see it.
        still, moving: links to the pictures; empty: the episode cannot be shown, and the caption says why.
        width_pixels, height_pixels: of both pictures.
    """

    title: str
    caption: str
    alternative: str
    still: str = ""
    moving: str = ""
    width_pixels: int = 0
    height_pixels: int = 0


class Episode(NamedTuple):
    """The best evaluation episode of a game.

    Attributes:
        game: ale-py's name.
        run_id: the run that played it.
        clip: it, proven; None: it cannot be shown.
        reason: why not, in words; empty: it is shown.
    """

    game: str
    run_id: RunId
    clip: Clip | None
    reason: str


Keep = Callable[[str, bytes], str]
"""Keeps a picture under a name, and returns the link to it."""


def best_episodes(store: Store, outcomes: Outcomes) -> tuple[Episode, ...]:
    """The best evaluation episode of each game, over all arms and seeds, played again and proven.

    One that cannot be shown, because it is not what its ledger claims or because its ROM is missing, has a
    reason in place of a clip.

    Args:
        store: where the runs lie.
        outcomes: of these runs.
    """
    return tuple(_episode(store, game, run_id) for game, run_id in best_runs(outcomes).items())


def _episode(store: Store, game: str, run_id: RunId) -> Episode:
    from suite.episodes.clips import best_clip  # brings the emulator along, which nothing else here needs
    from suite.episodes.recorded import find_recorded

    try:
        recorded = find_recorded(str(store.run_folder(run_id)), store.protocol, run_id.edition)
        return Episode(game, run_id, best_clip(store.protocol, recorded, game), "")
    except AmtlbError as error:
        return Episode(game, run_id, None, str(error).replace(f"{store.folder}/", ""))  # a page is for anybody


def embedded(name: str, picture: bytes) -> str:
    """A link that holds the picture itself; for a page that needs no other file."""
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"


def watched(episode: Episode, title: str, keep: Keep) -> Watched:
    """An episode as a page shows it.

    Args:
        episode: which.
        title: above what is said of it, such as the game or the learner.
        keep: keeps its pictures, ``embedded`` in the page or as files.
    """
    clip = episode.clip
    if clip is None:
        return Watched(title, f"Not shown: {episode.reason}", "")
    played = f"{clip.episode_return:,} points in {clip.length_frames:,} frames"
    pace = "" if clip.speed == 1 else f"{clip.speed} times the console's speed"
    if clip.shown_frames < clip.length_frames:
        pace += f", the last {clip.shown_frames:,} frames"
    caption = f"{played}: {episode.run_id.path}, row {clip.row}" + (f"; {pace}" if pace else "") + "."
    return Watched(
        title=title,
        caption=caption,
        alternative=f"The last picture of an episode of {episode.game}, which ended with {played}.",
        still=keep("still", clip.still),
        moving=keep("moving", clip.moving),
        width_pixels=clip.width_pixels,
        height_pixels=clip.height_pixels,
    )

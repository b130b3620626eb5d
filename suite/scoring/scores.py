"""The scores of one learner on one edition, as they are published: the models of ``scores.json``."""

from __future__ import annotations

from typing import Literal

from protocol import Frozen
from suite.scoring.estimates import Curve, Figure

SCHEMA_VERSION: Literal[1] = 1
"""The version of the format of ``scores.json``."""
ScoringVersion = Literal[2, 3]
SCORING_VERSION: ScoringVersion = 3
"""The version of the code that computes the figures (suite.scoring.score.SCORERS)."""


class GameTransfer(Frozen):
    """Transfer to one held-out game; means over seeds unless stated otherwise.

    Attributes:
        game: ale-py's name.
        fold: the fold that holds it out.
        negative_rewards: whether any run of any arm had a reward below 0; such a game counts in no figure over
            all games.
        fresh_rewards, transfer_rewards: cumulative reward of the whole budget, by seed, in game points.
        fresh_reward, transfer_reward: their means.
        pretrain_reward: cumulative reward of pre-training after the same number of frames of the game.
        ratio: of transfer and fresh.
        contrast: of transfer and fresh.
        win_probability: that a pre-trained run earns more than a fresh one.
        pretraining_contrast: of pretrain and fresh: whether pre-training itself learned. A mean over the runs
            that play the game stands against single fresh runs, whose luck is larger; interval, null and
            p-value treat them alike, and are approximate.
        human_normalised_gain: of mean returns of whole training episodes; None: the game has no references, or
            a run had no whole episode of it.
        fresh_jumpstart, transfer_jumpstart: game points per 1,000 agent steps in the first tenth of the frames.
        fresh_asymptote, transfer_asymptote: the same in the last tenth.
        fresh_final, transfer_final: mean evaluation return with frozen weights, in game points.
        final_contrast: of these two.
    """

    game: str
    fold: int
    negative_rewards: bool
    fresh_rewards: tuple[float, ...]
    transfer_rewards: tuple[float, ...]
    fresh_reward: float
    transfer_reward: float
    pretrain_reward: float
    ratio: Figure
    contrast: Figure
    win_probability: Figure
    pretraining_contrast: Figure
    human_normalised_gain: float | None
    fresh_jumpstart: float
    transfer_jumpstart: float
    fresh_asymptote: float
    transfer_asymptote: float
    fresh_final: float
    transfer_final: float
    final_contrast: Figure


class Transfer(Frozen):
    """The transfer measures over all held-out games that count: those without negative rewards.

    If no game counts, figures and curves have no value.

    Attributes:
        contrast: interquartile mean of the games' contrasts; the headline, together with ``win_probability``.
        mean_contrast: their mean.
        ratio: r, the mean of the defined ratios of a fold, then over folds.
        counted_games: the number of games that count.
        negative_games: the games that do not count, since a run of some arm had a reward below 0.
        defined_games: the number of counted games that have a ratio.
        undefined_games: the counted games that have none, since C_F is 0.
        win_probability: that a pre-trained run earns more than a fresh one, mean over games.
        human_normalised_gain: interquartile mean over the counted games with references and whole episodes.
        gain_games: the number of those games.
        games_without_whole_episodes: counted games that have references but, in some run, no whole episode.
        final_contrast: interquartile mean of the contrasts of the evaluation returns.
        seed_correlation: of the fresh runs of one seed in different games (suite.scoring.resampling); None: it
            cannot be estimated.
        grid_frames: the points of the curves, in frames per game.
        contrast_curve: the contrast of the rewards up to each point.
        ratio_curve: r(t).
        defined_curve: the number of games that have a ratio at each point.
        games: each held-out game.
    """

    contrast: Figure
    mean_contrast: Figure
    ratio: Figure
    counted_games: int
    negative_games: tuple[str, ...]
    defined_games: int
    undefined_games: tuple[str, ...]
    win_probability: Figure
    human_normalised_gain: Figure
    gain_games: int
    games_without_whole_episodes: tuple[str, ...]
    final_contrast: Figure
    seed_correlation: float | None
    grid_frames: tuple[int, ...]
    contrast_curve: Curve
    ratio_curve: Curve
    defined_curve: tuple[int, ...]
    games: tuple[GameTransfer, ...]


class GameMultitask(Frozen):
    """One entry of the multitask vector.

    Attributes:
        game: ale-py's name.
        generalist_mean, specialist_mean: evaluation return, in game points, over seeds and episodes.
        generalist_top, specialist_top: the best of these episodes.
        ratio: of the means.
        contrast: of the means.
        training_contrast: of the cumulative rewards during training, after the same frames of this game.
        random, human: reference returns; None: not known.
    """

    game: str
    generalist_mean: float
    generalist_top: float
    specialist_mean: float
    specialist_top: float
    ratio: Figure
    contrast: Figure
    training_contrast: Figure
    random: float | None
    human: float | None


class Scores(Frozen):
    """All scores of one learner on one edition.

    Attributes:
        schema_version: of the format of this file.
        scoring_version: of the code that computed the figures; a verifier computes them again with that
            version.
        seeds: runs per game and arm.
        null_seeds: fresh runs per side of the null, scaled to the number of ``seeds``
            (suite.scoring.resampling).
        resamples: of every interval and null, and of every p-value whose exchanges are not all counted.
        resampling_seed: the seed that they were drawn with.
    """

    schema_version: Literal[1]
    scoring_version: Literal[1, 2, 3]
    protocol_version: str
    edition_digest: str
    edition: str
    learner: str
    configuration_digest: str
    seeds: int
    null_seeds: int
    resamples: int
    resampling_seed: int
    transfer: Transfer
    multitask: tuple[GameMultitask, ...]

    def is_of_the_runs_of(self, other: Scores) -> bool:
        """True if both are of one learner's runs: their rewards are exact, while figures differ by CPU."""
        return self._runs == other._runs

    @property
    def _runs(self) -> tuple[object, ...]:
        rewards = [(game.game, game.fresh_rewards, game.transfer_rewards) for game in self.transfer.games]
        return self.edition_digest, self.learner, self.configuration_digest, rewards

    def has_the_figures_of(self, other: Scores) -> bool:
        """True if all figures are equal, whatever the learners are called: the same runs were scored."""
        return (self.transfer, self.multitask) == (other.transfer, other.multitask)


def counted_games(scores: Scores) -> list[str]:
    """The games that enter figures over all games: those without negative rewards."""
    return [game.game for game in scores.transfer.games if not game.negative_rewards]

"""The types of the arrays that scoring works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Sampled(NamedTuple):
    """A figure at many places, such as games and resamples, and whether it is defined there.

    Attributes:
        values: float (...); 0 where the figure is undefined, never a NaN.
        defined: bool (...), of the same shape.
    """

    values: Floats
    defined: Bools

    @classmethod
    def everywhere(cls, values: Floats) -> Sampled:
        """Values that are all defined."""
        return cls(values, np.ones(values.shape, np.bool_))

    @classmethod
    def joined(cls, parts: Sequence[Sampled]) -> Sampled:
        """One after another, along the last axis."""
        return cls(*(np.concatenate(own, axis=-1) for own in zip(*parts, strict=True)))

    @property
    def known(self) -> Floats:
        """The values that are defined, float (N,)."""
        return self.values[self.defined]

    def of_game(self, place: int) -> Sampled:
        """The figure of one game, for arrays whose first axis is games."""
        return Sampled(self.values[place], self.defined[place])

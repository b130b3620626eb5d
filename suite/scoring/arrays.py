"""The types of the arrays that scoring works on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Sampled(NamedTuple):
    """A figure at many places, such as games and resamples, and where it has a meaning.

    Attributes:
        values: float (...); 0 where there is no meaning, never a NaN.
        defined: bool (...), of the same shape.
    """

    values: Floats
    defined: Bools

    @classmethod
    def everywhere(cls, values: Floats) -> Sampled:
        """Values that all have a meaning."""
        return cls(values, np.ones(values.shape, np.bool_))

    @property
    def known(self) -> Floats:
        """The values that have a meaning, float (N,)."""
        return self.values[self.defined]

    def of_game(self, place: int) -> Sampled:
        """Of one game, where games stand first."""
        return Sampled(self.values[place], self.defined[place])

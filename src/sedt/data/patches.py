"""Random patches of a clip (paper 3.1): stretches of time of random length and place, overlap allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PatchSize:
    """How long patches are, as shares of the window."""

    length_mean: float = 0.2
    length_deviation: float = 0.26
    length_range: tuple[float, float] = (0.05, 0.8)
    fixed: float | None = None
    """One length for all, in the place of random ones."""

    def draw(self, generator: np.random.Generator, longest: float = 1.0) -> float:
        """A length from the normal distribution, drawn again until it lies in range and is at most `longest`.

        What is shorter than the shortest patch is one patch.
        """
        if self.fixed is not None:
            return min(self.fixed, longest)
        low, high = self.length_range
        if longest <= low:
            return longest
        for _ in range(TRIES):
            length = generator.normal(self.length_mean, self.length_deviation)
            if low <= length < high and length <= longest:
                return float(length)
        return float(generator.uniform(low, min(high, longest)))  # a range that the draws hardly ever hit


TRIES = 1000


def draw_patches(
    generator: np.random.Generator, number: int, size: PatchSize, heard: float = 1.0
) -> NDArray[np.float32]:
    """Spans (number, 2) that lie in 0..`heard`, which is the share of the window before a clip's padding."""
    lengths = np.array([size.draw(generator, heard) for _ in range(number)])
    onsets = generator.uniform(0, 1, number) * (heard - lengths)
    return np.stack([onsets + lengths / 2, lengths], axis=1).astype(np.float32)
